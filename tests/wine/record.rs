//! Recording under Wine: samples in, the same samples out; Ctrl-C closes the recording.

use std::fs;

use crate::script::{Script, many};
use crate::terminal::Terminal;
use crate::wine::{Wine, texts};

#[test]
fn records_exports_and_imports() {
    let Some(wine) = Wine::ready() else { return };
    let tables: Vec<_> = [300, 301, 302].map(many).into();
    let script = tables.iter().fold(Script::new(), |script, table| script.table(table));
    let args = ["record", "rec", "--interval", "200ms", "--for", "1s", "--pool", "nonpaged"];
    let (out, said) = wine.text(&script, &args);
    assert!(out.is_empty() && said.contains("recorded "), "{said}");
    let info = wine.json(&script, &["info", "rec", "--format", "json"]);
    assert_eq!((&info["sources"][0], &info["counter_bits"]), (&"windows".into(), &32.into()), "{info:#}");
    assert!(wine.text(&script, &["verify", "rec"]).0.contains(": intact"));
    wine.text(&script, &["export", "rec", "-o", "a.csv"]);
    let csv = fs::read_to_string(wine.folder.join("a.csv")).unwrap();
    // The first sample has the first table's rows of the pool that was asked for, figure by figure.
    let first = csv.lines().nth(1).unwrap().split(',').next().unwrap();
    let reported: Vec<_> = csv
        .lines()
        .filter(|line| line.starts_with(first))
        .map(|line| {
            let fields: Vec<_> = line.split(',').collect();
            (fields[5].to_owned(), fields[7].to_owned(), [8, 9, 11].map(|at| fields[at].parse().unwrap()))
        })
        .collect();
    let fed: Vec<_> = tables[0]
        .iter()
        .map(|(tag, [_, _, _, na, nf, nb])| {
            (String::from_utf8_lossy(tag).into_owned(), "nonpaged".to_owned(), [*na, *nf, *nb])
        })
        .collect();
    assert_eq!(reported, fed);
    wine.text(&script, &["import", "a.csv", "-o", "again"]);
    wine.text(&script, &["export", "again", "-o", "b.csv"]);
    let again = fs::read_to_string(wine.folder.join("b.csv")).unwrap();
    // Wine says that both pools are empty, which readers of texts do not believe beside tags that hold bytes.
    assert!(csv.replace(" pool_nonpaged=0 pool_paged=0", "") == again, "{again}");
    wine.text(&script, &["export", "rec", "-o", "a.parquet"]);
    assert!(fs::read(wine.folder.join("a.parquet")).unwrap().ends_with(b"PAR1"));

    let second = wine.run(Some(&script), &["export", "rec", "-o", "a.csv"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(texts(&second).1.contains("--force"), "{}", texts(&second).1);
}

#[test]
fn ctrl_c_closes_the_recording() {
    let Some(wine) = Wine::ready() else { return };
    let Some(terminal) = Terminal::open() else { return };
    let script = Script::new().table(&many(300));
    terminal.run(&wine.shell_line(&script, "record rec --interval 100ms"));
    terminal.wait("its first words", |screen| screen.contains("recording "));
    terminal.wait("samples", |screen| screen.contains(" samples, "));
    terminal.keys(&["C-c"]);
    terminal.wait("the end", |screen| screen.contains("poolmon: recorded ") && screen.contains("code=0"));
    let (out, _) = wine.text(&script, &["verify", "rec"]);
    assert!(out.contains(": intact") && !out.contains("not closed"), "{out}");
}

#[test]
fn replays_on_the_screen() {
    let Some(wine) = Wine::ready() else { return };
    let Some(terminal) = Terminal::open() else { return };
    let tables: Vec<_> = [300, 301, 302].map(many).into();
    let script = tables.iter().fold(Script::new(), |script, table| script.table(table));
    wine.text(&script, &["record", "rec", "--interval", "200ms", "--for", "1s"]);
    // The table of the last moment, as the replay has to show it.
    let table = wine.json(&script, &["top", "rec", "--format", "json", "--sort", "bytes", "--limit", "5"]);
    terminal.run(&wine.shell_line(&script, "replay rec --at end --sort bytes"));
    terminal.wait("the recording", |screen| screen.contains("REPLAY") || screen.contains("RECORDING"));
    for row in table["rows"].as_array().unwrap() {
        let (tag, bytes) = (row["tag"].as_str().unwrap().trim_end(), row["bytes"].to_string());
        terminal.wait(&format!("{tag} with {bytes}"), |screen| {
            screen.lines().any(|line| line.trim_start().starts_with(tag) && line.contains(&bytes))
        });
    }
    terminal.keys(&[","]);
    terminal.keys(&["q"]);
    terminal.wait("the end", |screen| screen.contains("code=0"));
}
