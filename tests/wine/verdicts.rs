//! Verdicts under Wine: what leaks while it is watched, and what a command loses.

use crate::script::{Figures, Script, many};
use crate::wine::{Wine, texts};

/// A kernel of which one tag grows from table to table, and sixty others stand still.
fn growing(tables: u64) -> Script {
    (0..tables).fold(Script::new(), |script, n| {
        let lost: Figures = [0, 0, 0, 1000 + 400 * n, 100, (900 + 400 * n) * 1024];
        let mut rows = many(60);
        rows.push((*b"Leak", lost));
        script.table(&rows)
    })
}

#[test]
fn leaks_names_what_grows_while_it_watches() {
    let Some(wine) = Wine::ready() else { return };
    let json = wine.json(&growing(60), &["leaks", "--for", "20s", "--interval", "500ms", "--format", "json"]);
    assert_eq!(json["schema"], "poolmon.leaks/1", "{json:#}");
    assert!(json["samples"].as_u64().unwrap() > 12, "{json:#}");
    let verdicts = json["verdicts"].as_array().unwrap();
    let reported: Vec<_> = verdicts.iter().map(|verdict| (&verdict["tag"], &verdict["pool"])).collect();
    assert_eq!(reported, [(&"Leak".into(), &"nonpaged".into())], "{json:#}");
    let kind = verdicts[0]["kind"].as_str().unwrap();
    // Twenty seconds may be too few for more than that it grows.
    assert!(["leaking", "suspected", "growing"].contains(&kind), "{json:#}");
    assert!(verdicts[0]["bytes"]["per_hour"].as_f64().unwrap() > 1e9, "{json:#}");
}

#[test]
fn measure_runs_a_command_beside_idle_intervals() {
    let Some(wine) = Wine::ready() else { return };
    let quick = ["measure", "--repeat", "9", "--settle", "20ms", "--noise", "300ms"];
    let with = |rest: &[&'static str]| [&quick[..], rest].concat();
    // What grows on its own grows in idle intervals too.
    let script = growing(60);
    let json = wine.json(&script, &with(&["--format", "json", "--all", "--", "cmd", "/c", "exit", "0"]));
    assert_eq!((&json["schema"], &json["runs"]), (&"poolmon.measure/1".into(), &9.into()), "{json:#}");
    assert_eq!((&json["exact"], &json["failed_runs"]), (&true.into(), &0.into()), "{json:#}");
    let tags = json["tags"].as_array().unwrap();
    // This table grows by as much each time that it is read, not with time: where runs are always a little shorter or longer
    // than their idle intervals, that much may stand out. Lost by the runs it is not.
    assert!(tags.len() == 1 && tags[0]["tag"] == "Leak", "{json:#}");
    assert!(["noise", "given-back"].contains(&tags[0]["kind"].as_str().unwrap()), "{json:#}");
    let failed = wine.run(Some(&script), &with(&["--", "cmd", "/c", "exit", "7"]));
    assert_eq!(failed.status.code(), Some(1));
    assert!(texts(&failed).1.contains("ended with exit code: 7"), "{}", texts(&failed).1);
    let missing = wine.run(Some(&script), &with(&["--", "nosuch.exe"]));
    assert_eq!(missing.status.code(), Some(1));
    assert!(texts(&missing).1.contains("cannot start `nosuch.exe`"), "{}", texts(&missing).1);
}
