use sha2::{Digest as _, Sha256};

use super::*;
use crate::tests::material;

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number =
            chunk.iter().fold(0_u32, |sum, &byte| sum << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for n in 0..4 {
            let letter = char::from(LETTERS[(number >> (18 - 6 * n) & 63) as usize]);
            text.push(if n <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

#[test]
fn the_policy_admits_the_style_and_the_script_as_they_are() {
    for (content, hash) in [(STYLE, STYLE_HASH), (SCRIPT, SCRIPT_HASH)] {
        let is = format!("sha256-{}", base64(&Sha256::digest(content)));
        assert_eq!(is, hash, "style.css or script.js changed: put the left hash into html/mod.rs");
        assert!(!content.contains("</") && content.is_ascii());
    }
    assert_eq!(base64(b"poolmo"), "cG9vbG1v");
    assert_eq!(base64(b"pool"), "cG9vbA==");
}

#[test]
fn nothing_of_strangers_is_markup() {
    let page = page(&material());
    assert!(page.contains("&lt;/title&gt;&lt;script&gt;alert(&#39;x&#39;)"));
    assert!(page.contains("<code>&lt;b&gt;&amp;</code>"), "a tag that is markup");
    assert!(
        page.contains("\\u{202e}") && page.contains("\\u{1b}"),
        "what turns or colours text is spelt out"
    );
    for raw in ["<script>alert", "<b>&<", "alert('x')<", "\u{202e}", "\u{1b}"] {
        assert!(!page.contains(raw), "{raw:?}");
    }
    // The page's own script, and one element of figures for each plot.
    let plots = page.matches("<figure>").count();
    assert_eq!(page.matches("<script").count(), plots + 1);
    assert!(
        plots >= 6
            && !page.contains(" style=")
            && !page.contains(" onclick")
            && !page.contains("javascript:b\"")
    );
    let addresses = page.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "");
    assert!(!addresses.contains("http"), "no address but the name of SVG's elements");
    let ids: Vec<&str> = page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    for link in page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.contains(&link), "{link} is no place in the page");
    }
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert!(!page.contains("NaN") && !page.contains("inf"), "no figure that is none");
}

#[test]
fn a_plot_tells_its_figures() {
    let material = material();
    let plot = crate::plot::tag(&material, material.causes()[0]);
    let (x, reported) = (plot.data["x"].as_array().unwrap(), plot.data["t"].as_array().unwrap());
    assert_eq!(x.len(), reported.len());
    assert_eq!(plot.data["s"][0][0], "WCsc");
    assert_eq!(plot.data["s"][0][1].as_array().unwrap().len(), x.len());
    assert!(x.iter().all(|x| x.as_u64().unwrap() <= 1000));
    assert_eq!(reported[0], "2026-03-02 07:07:30");
    let svg = plot.svg.into_text();
    assert!(svg.contains("class=\"trend\"") && svg.contains("class=\"mark gap\""));
}
