//! One file a command.

mod config;
mod demo;
pub mod diff;
mod doctor;
pub mod dump;
pub mod export;
#[cfg(feature = "fleet")]
mod fleet;
mod holders;
pub mod import;
pub mod info;
pub mod leaks;
mod live;
pub mod measure;
pub mod note;
pub mod record;
pub mod replay;
pub mod report;
#[cfg(feature = "serve")]
pub mod serve;
pub mod service;
mod tag;
mod top;
mod trace;
pub mod verify;
pub mod who;

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use clap::{CommandFactory as _, Parser as _};

use poolmon_source::least_rights::{self, Work};

use crate::app::open::{choose, unknown_word};
use crate::app::outcome::Outcome;
use crate::app::say::{self, note};
use crate::cli::open::OpenArgs;
use crate::cli::{Cli, Command};

/// Does what the command line says.
pub fn run(cli: Cli) -> anyhow::Result<Outcome> {
    if let Some(work) = cli.command.as_ref().map_or(Some(Work::Watch), work_of) {
        least_rights::keep_only(work);
    }
    match cli.command {
        None => live::run(&cli.live),
        Some(Command::Live(args)) => live::run(&args),
        Some(Command::Top(args)) => top::run(&args),
        Some(Command::Diff(args)) => diff::run(&args),
        Some(Command::Open(args)) => open(&args),
        Some(Command::Leaks(args)) => leaks::run(&args),
        #[cfg(feature = "fleet")]
        Some(Command::Fleet(args)) => fleet::run(&args),
        Some(Command::Holders(args)) => holders::run(&args),
        Some(Command::Measure(args)) => measure::run(&args),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Replay(args)) => done(replay::run(&args)),
        Some(Command::Record(args)) => record::run(&args),
        #[cfg(feature = "serve")]
        Some(Command::Serve(args)) => serve::run(&args),
        Some(Command::Service(args)) => service::run(&args),
        Some(Command::Note(args)) => done(note::run(&args)),
        Some(Command::Info(args)) => info::run(&args),
        Some(Command::Verify(args)) => verify::run(&args),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::Import(args)) => done(import::run(&args)),
        Some(Command::Demo(args)) => demo::run(&args),
        Some(Command::Config) => done(config::run()),
        Some(Command::Doctor(args)) => done(doctor::run(&args, &mut say::out(true))),
        Some(Command::Dump(args)) => dump::run(&args),
        Some(Command::Tag(args)) => done(tag::run(&args)),
        Some(Command::Trace(args)) => trace::run(&args),
        Some(Command::Who(args)) => who::run(&args),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "poolmon", &mut script);
            let mut out = say::out(false);
            out.write_all(&script)?;
            out.flush()?;
            Ok(Outcome::Done)
        }
        Some(Command::Man { folder }) => done(man(&folder)),
    }
}

/// Does what fits the paths.
fn open(args: &OpenArgs) -> anyhow::Result<Outcome> {
    let (paths, options) = args.split();
    if let Some(problem) = unknown_word(&paths) {
        say::warn(&problem);
        return Ok(Outcome::Usage);
    }
    let command = choose(&paths, &options)?;
    let line = command.line();
    let cli = match Cli::try_parse_from(std::iter::once("poolmon".into()).chain(command.words)) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return Ok(if error.use_stderr() { Outcome::Usage } else { Outcome::Done });
        }
    };
    if cli.quiet {
        say::quiet(true);
    }
    note!("{}; running: {line}", command.why);
    let outcome = run(cli)?;
    if let Some(next) = command.next {
        note!("{next}");
    }
    Ok(outcome)
}

/// What a command does; `None` if it starts programs that have the person's rights, or speaks to the service manager.
fn work_of(command: &Command) -> Option<Work> {
    match command {
        Command::Record(_) => Some(Work::Recorder),
        Command::Diff(_)
        | Command::Dump(_)
        | Command::Export(_)
        | Command::Import(_)
        | Command::Info(_)
        | Command::Note(_)
        | Command::Replay(_)
        | Command::Verify(_) => Some(Work::Files),
        Command::Measure(_) | Command::Service(_) => None,
        _ => Some(Work::Watch),
    }
}

/// Of commands that either fail or have done everything.
fn done(result: anyhow::Result<()>) -> anyhow::Result<Outcome> {
    result.map(|()| Outcome::Done)
}

/// Writes `poolmon.1` and a page for each command.
fn man(folder: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot write man pages into {}", folder.display());
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create the folder {}", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder).with_context(cannot)?;
    let codes = crate::app::outcome::help(&[]);
    for path in std::fs::read_dir(folder).with_context(cannot)?.flatten().map(|entry| entry.path()) {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if name.starts_with("poolmon") && path.extension().is_some_and(|ending| ending == "1") {
            let page = poolmon_render::man::page(&name, &std::fs::read_to_string(&path)?, &codes);
            std::fs::write(&path, page).with_context(cannot)?;
        }
    }
    Ok(())
}
