//! End to end through the real program: arguments in, text and exit codes out.
//!
//! * `classic.rs`: Microsoft's switches and PoolMon's log;
//! * `dump.rs`: memory dumps;
//! * `figures.rs`: the same figures in every command;
//! * `files.rs`: saved logs and tables, the samples that people hold;
//! * `fleet.rs`: a fleet, asked of an engine that is not one;
//! * `linux_files.rs`: saved lists of Linux and its tools, sosreports;
//! * `bad_input.rs`: empty, cut, binary, endless and missing files, closed pipes, wrong arguments;
//! * `holders.rs`: who holds objects, in recordings;
//! * `hostile.rs`: planted files, outputs that are no files, recordings of which something is lost;
//! * `guide.rs`: the commands of the guide's page on logs;
//! * `kernel.rs`: this machine's own kernel, with a program that holds objects;
//! * `recorder.rs`: recording this machine: its ends, crashes, full disks; `exchange.rs`: export and import;
//! * `schema/`: every JSON and CSV document against `schema/` and `docs/data.md`;
//! * `tools.rs`: other tools over a recording's exports;
//! * `screen.rs`: the live screen inside tmux;
//! * `replay.rs`: a planted recording on that screen, and in `poolmon top --at`;
//! * `report.rs`: the report as a page, in Chromium too, and as Markdown;
//! * `next_steps.rs`: the commands that answers print, run as printed;
//! * `odd_files.rs`: files as spreadsheets, scripts and colleagues leave them, folders of many kinds, pipes;
//! * `open.rs`: a path alone, without a command;
//! * `symbols.rs`: symbols of a dump;
//! * `leaks.rs`: verdicts and differences, planted; `measure.rs`: what a command loses;
//! * `trace.rs`: saved traces, and what a trace is refused for;
//! * `who.rs`: drivers of a tag, over real drivers outside the repository and small ones that the test writes.

mod bad_input;
mod classic;
mod dump;
mod etl;
mod exchange;
mod figures;
mod files;
#[cfg(feature = "fleet")]
mod fleet;
mod fleet_folder;
mod guide;
mod holders;
#[cfg(target_os = "linux")]
mod hostile;
#[cfg(target_os = "linux")]
mod kernel;
mod leaks;
mod linux_files;
mod man;
mod measure;
#[cfg(target_os = "linux")]
mod next_steps;
mod odd_files;
mod open;
mod pages;
#[cfg(target_os = "linux")]
mod recorder;
#[cfg(unix)]
mod replay;
mod report;
mod schema;
#[cfg(unix)]
mod screen;
#[cfg(target_os = "linux")]
mod service;
mod symbols;
#[cfg(target_os = "linux")]
#[cfg(feature = "parquet")]
mod tools;
mod trace;
mod who;

use poolmon_testkit::shared;
use std::process::{Command, Output};

/// The program under test.
const POOLMON: &str = env!("CARGO_BIN_EXE_poolmon");

/// The program, or another one, to which signals mean what they usually do: what was started in the background of a script
/// would ignore Ctrl-C, and so would all that it starts.
fn with_signals(program: &str) -> Command {
    if cfg!(target_os = "linux") {
        let mut command = Command::new("env");
        command.args(["--default-signal=INT,QUIT,HUP,TERM", program]);
        command
    } else {
        Command::new(program)
    }
}

/// Runs the program. What searches of drivers left on this machine does not count.
fn poolmon(args: &[&str]) -> Output {
    let nowhere = env!("CARGO_TARGET_TMPDIR").to_owned() + "/no-cache";
    Command::new(POOLMON)
        .args(args)
        .env("XDG_CACHE_HOME", &nowhere)
        .env("LOCALAPPDATA", &nowhere)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What it printed, where it has to succeed.
#[track_caller]
fn stdout_of(args: &[&str]) -> String {
    let output = poolmon(args);
    assert!(output.status.success(), "{args:?}: {:?}\n{}", output.status, text(&output.stderr));
    text(&output.stdout)
}

/// The JSON that it printed; it has to fit its schema.
#[track_caller]
fn json_of(args: &[&str]) -> serde_json::Value {
    let document = serde_json::from_str(&stdout_of(args)).expect("valid JSON");
    schema::check(&document);
    document
}
