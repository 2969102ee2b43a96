//! The page for those who do not see it or have no mouse: axe-core on every view, and the keyboard alone.

use poolmon_testkit::{Need, skip};

use crate::browser::Browser;
use crate::page::{first, judged};

/// axe-core's script: `POOLMON_AXE`, or where `tests/axe.sh` puts it.
fn axe() -> Option<String> {
    let usual = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/axe/node_modules/axe-core/axe.min.js");
    let path = std::env::var("POOLMON_AXE").unwrap_or_else(|_| usual.to_owned());
    let script = std::fs::read_to_string(&path).ok();
    if script.is_none() {
        skip(
            Need::Chromium,
            format!("there is no axe-core at {path}: run crates/poolmon-serve/tests/axe.sh"),
        );
    }
    script
}

#[test]
fn axe_finds_nothing_on_any_view() {
    let Some(axe) = axe() else { return };
    let server = judged();
    let (recorded, _log) = crate::recorded();
    let (tag, pool) = first(&server);
    let tag = format!("/?tag={tag}&of={pool}");
    for (server, path, shown) in [
        (&server, "/", "document.querySelector('tbody a.tag') && document.querySelector('.pill')"),
        (
            &server,
            tag.as_str(),
            "document.querySelector('#tag') && document.querySelector('.plot.tall polyline.line')",
        ),
        (
            &server,
            "/?search=no-such-tag",
            "document.querySelector('tbody').textContent.includes('Nothing matches')",
        ),
        (&server, "/?tag=none&of=nonpaged", "!document.querySelector('#trouble').hidden"),
        (
            &recorded,
            "/?before=start&sort=change",
            "document.querySelector('#time input') && document.querySelector('td.up')",
        ),
    ] {
        for (width, dark) in [(1400, false), (1400, true), (390, false), (390, true)] {
            let Some(mut page) = Browser::open(width, 900, dark) else { return };
            page.go(&format!("http://{}{path}", server.address));
            page.wait(shown);
            page.value(&format!("{axe}; typeof axe"));
            let broken = page.value(
                "axe.run(document, { resultTypes: ['violations'] }).then((result) => \
                 result.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target} ${node.failureSummary}`)))",
            );
            assert_eq!(broken, serde_json::json!([]), "{path} {width} dark={dark}");
            // Levels of a chart that have the same name say nothing.
            let same = page.value(
                "[...document.querySelectorAll('.plot')].filter((plot) => { \
                 const texts = [...plot.querySelectorAll('line.grid + text')].map((text) => text.textContent); \
                 return new Set(texts).size !== texts.length; }).length",
            );
            assert_eq!(same, 0, "{path}: levels with the same name");
            let width = u64::from(width);
            assert!(page.value("document.documentElement.scrollWidth").as_u64() <= Some(width), "{path}");
            // What is not there is an error in the console, too.
            let is_expected = |one: &String| path.contains("none") && one.contains("status of 404");
            assert!(page.complaints.iter().all(is_expected), "{path}: {:?}", page.complaints);
        }
    }
}

/// From the top of the page by Tab, to a tag by Enter, back by Escape.
#[test]
fn everything_is_reached_by_the_keyboard() {
    let server = judged();
    let Some(mut page) = Browser::open(1400, 1000, false) else { return };
    page.go(&format!("http://{}/", server.address));
    page.wait("document.querySelector('tbody a.tag') && document.querySelector('.chip')");
    let mut reached = Vec::new();
    for _ in 0..60 {
        page.press("Tab");
        let on = page.value(
            "(() => { const on = document.activeElement; return on.id || on.dataset.sort || on.className || on.textContent; })()",
        );
        // What has the focus shows it.
        let shows = page.value(
            "(() => { const style = getComputedStyle(document.activeElement); \
             return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1; })()",
        );
        let on = on.as_str().unwrap_or_default().to_owned();
        assert_eq!(shows, true, "the focus on {on} is not seen");
        reached.push(on.clone());
        if on == "tag" && reached.iter().any(|one| one == "verdict") {
            break;
        }
    }
    for wanted in ["skip", "brand", "copy", "theme", "search", "pool", "scroll", "bytes", "verdict"] {
        assert!(reached.iter().any(|one| one == wanted), "{wanted} is not reached: {reached:?}");
    }
    let tag = page.value("document.activeElement.textContent");
    page.press("Enter");
    page.wait(&format!(
        "!document.querySelector('#detail').hidden && document.querySelector('#tag').textContent === {tag}"
    ));
    page.press("Escape");
    page.wait("document.querySelector('#detail').hidden");
    assert_eq!(page.complaints, Vec::<String>::new());
}
