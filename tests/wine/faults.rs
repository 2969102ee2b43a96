//! What kernels can do to a program that asks them: each fault, and what the person sees.

use crate::script::{Script, many};
use crate::tables::reported;
use crate::wine::{Wine, texts};

/// Fails with exit code 1, a text that has all these words, and no panic.
#[track_caller]
fn fails(wine: &Wine, script: Option<&Script>, words: &[&str]) {
    let output = wine.run(script, &["top", "--format", "json"]);
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{out}\n{err}");
    assert_eq!(out, "", "nothing half-written");
    assert!(words.iter().all(|word| err.contains(word)), "{words:?} in {err}");
    assert!(!err.contains("panicked"), "{err}");
}

#[test]
fn wines_own_answer_is_explained() {
    let Some(wine) = Wine::ready() else { return };
    fails(&wine, None, &["class 22", "0xc0000003", "STATUS_INVALID_INFO_CLASS", "Wine", "poolmon top FILE"]);
}

#[test]
fn refusals_have_names_and_remedies() {
    let Some(wine) = Wine::ready() else { return };
    for (status, words) in [
        ("c0000022", ["STATUS_ACCESS_DENIED", "restricted token"]),
        ("c0000002", ["STATUS_NOT_IMPLEMENTED", "gflags /r +ptg"]),
        ("c0de0001", ["0xc0de0001", "poolmon doctor"]),
    ] {
        let script = Script::new().line("table").line(&format!("status {status}"));
        fails(&wine, Some(&script), &words);
    }
}

#[test]
fn a_table_that_grows_between_two_calls_is_read_whole() {
    let Some(wine) = Wine::ready() else { return };
    for class in ["", "class255"] {
        let script = Script::new().line(class).table(&many(6000)).line("grow").table(&many(12_000));
        let json = wine.json(&script, &["top", "--format", "json"]);
        assert_eq!(reported(&json).len(), 24_000, "{class}");
    }
}

#[test]
fn more_than_65_536_tags() {
    let Some(wine) = Wine::ready() else { return };
    let rows = many(70_000);
    let (csv, _) = wine.text(&Script::new().table(&rows), &["top", "--format", "csv"]);
    assert_eq!(csv.lines().count(), 1 + 140_000);
}

#[test]
fn tags_that_do_not_print_and_the_overflow_row() {
    let Some(wine) = Wine::ready() else { return };
    let figures = [5, 2, 96, 0, 0, 0];
    let tags = [*b"Ovfl", [0x01, 0x1b, b'[', 0x7f], [0xff, 0xfe, 0xfd, 0x7c], *b"Irp ", *b"a\"b,", *b"\\x41"];
    let script = Script::new().table(&tags.map(|tag| (tag, figures)));
    let json = wine.json(&script, &["top", "--format", "json"]);
    let reported: Vec<(String, String)> = reported(&json).into_keys().collect();
    assert_eq!(reported.len(), tags.len());
    let names: Vec<&str> = reported.iter().map(|(tag, _)| tag.as_str()).collect();
    for name in ["Ovfl", "\\x01\\x1b[\\x7f", "\\xff\\xfe\\xfd|", "Irp ", "a\"b,", "\\x5cx41"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let (text, _) = wine.text(&script, &["top"]);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
}
