//! The rules for Prometheus, by promtool.

use std::path::Path;
use std::process::Command;

use poolmon_testkit::{Need, skip};

#[test]
fn the_rules_are_clean_and_do_what_their_tests_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/prometheus");
    for words in [&["check", "rules", "rules.yml"][..], &["test", "rules", "rules_test.yml"]] {
        let Ok(output) = Command::new("promtool").args(words).current_dir(&folder).output() else {
            skip(Need::Prometheus, "there is no promtool here");
            return;
        };
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        assert!(output.status.success(), "{words:?}: {said:?}");
    }
}

/// A rule on a metric that the server does not have would never fire.
#[test]
fn the_rules_name_metrics_that_there_are() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let rules = std::fs::read_to_string(root.join("../../packaging/prometheus/rules.yml")).unwrap();
    let source = std::fs::read_to_string(root.join("src/metrics.rs")).unwrap();
    let mut names: Vec<&str> = rules
        .split(|character: char| !(character.is_ascii_alphanumeric() || character == '_' || character == ':'))
        .filter(|word| word.starts_with("poolmon_"))
        .collect();
    names.sort_unstable();
    names.dedup();
    assert!(names.len() > 6, "{names:?}");
    for name in names {
        assert!(source.contains(&format!("\"{name}\"")), "{name}");
    }
}
