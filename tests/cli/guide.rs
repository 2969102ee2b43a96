//! `docs/guide/logs.md`: its commands, run as they are printed there, over logs of a simulated machine.
//!
//! `POOLMON_GUIDE=write cargo test --test cli guide` writes the answers into the page.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use poolmon_model::{Filter, Sort, Table, column};
use poolmon_print::PrintOptions;
use poolmon_synth::kernel::{SimulatedKernel, SimulationConfig};

use crate::{POOLMON, text};

/// Six logs, one an hour, of a machine with 60 tags, one of which leaks.
pub fn write_logs(folder: &Path) {
    fs::create_dir(folder.join("logs")).unwrap();
    let mut kernel = SimulatedKernel::new(SimulationConfig {
        seed: 7,
        tags: 60,
        start: "2026-11-22T08:00:00Z".parse().unwrap(),
        uptime: Duration::from_secs(500_000),
        ..SimulationConfig::default()
    });
    for hour in 8..14 {
        let sample = kernel.sample();
        let mut table = Table::new(None, &sample, &Filter::default(), None);
        table.sort(Sort::by(&column::BYTES));
        let mut log = Vec::new();
        let options = PrintOptions { header: true, ..PrintOptions::default() };
        poolmon_print::poolmon::write(&mut log, &sample, &table, options).unwrap();
        fs::write(folder.join(format!("logs/pool-2026-11-22-{hour:02}00.log")), log).unwrap();
        kernel.step(Duration::from_hours(1));
    }
}

/// What a command prints, its notes first, and its exit code if it is not 0.
fn answer(folder: &Path, line: &str) -> String {
    let words = line.strip_prefix("poolmon ").expect("the page runs poolmon alone").split(' ');
    let nowhere = folder.join("cache");
    let output = Command::new(POOLMON)
        .args(words.map(|word| word.trim_matches('\'')))
        .current_dir(folder)
        .envs([("TZ", "UTC"), ("COLUMNS", "120")])
        .envs([("XDG_CACHE_HOME", &nowhere), ("LOCALAPPDATA", &nowhere)])
        .output()
        .unwrap();
    let mut answer = text(&output.stderr) + &text(&output.stdout);
    if let Some(code) = output.status.code().filter(|&code| code != 0) {
        writeln!(answer, "(exit code {code})").unwrap();
    }
    answer
}

#[test]
fn every_command_of_the_page_on_logs_prints_what_the_page_says() {
    let page = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/logs.md");
    let before = fs::read_to_string(&page).unwrap().replace("\r\n", "\n");
    let folder = tempfile::tempdir().unwrap();
    write_logs(folder.path());
    let mut after = String::new();
    let mut lines = before.lines();
    while let Some(line) = lines.next() {
        writeln!(after, "{line}").unwrap();
        if line == "```console" {
            let command = lines.next().and_then(|line| line.strip_prefix("$ ")).expect("a command");
            let answer = answer(folder.path(), command);
            writeln!(after, "$ {command}\n{}\n```", answer.trim_end()).unwrap();
            lines.by_ref().find(|line| *line == "```").expect("the block ends");
        }
    }
    if std::env::var_os("POOLMON_GUIDE").is_some() {
        fs::write(&page, &after).unwrap();
    } else if !cfg!(windows) {
        assert_eq!(
            before, after,
            "POOLMON_GUIDE=write cargo test --test cli guide brings the page up to date"
        );
    }
}
