//! One file a command.

mod demo;
pub mod diff;
mod doctor;
pub mod dump;
pub mod export;
pub mod import;
pub mod info;
pub mod leaks;
mod live;
pub mod measure;
pub mod note;
pub mod record;
pub mod replay;
pub mod report;
pub mod service;
mod tag;
mod top;
pub mod verify;
pub mod who;

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::cli::{Cli, Command};

/// Does what the command line says.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        None => live::run(&cli.live),
        Some(Command::Live(args)) => live::run(&args),
        Some(Command::Top(args)) => top::run(&args),
        Some(Command::Diff(args)) => diff::run(&args),
        Some(Command::Leaks(args)) => leaks::run(&args),
        Some(Command::Measure(args)) => measure::run(&args),
        Some(Command::Report(args)) => report::run(&args),
        Some(Command::Replay(args)) => replay::run(&args),
        Some(Command::Record(args)) => record::run(&args),
        Some(Command::Service(args)) => service::run(&args),
        Some(Command::Note(args)) => note::run(&args),
        Some(Command::Info(args)) => info::run(&args),
        Some(Command::Verify(args)) => verify::run(&args),
        Some(Command::Export(args)) => export::run(&args),
        Some(Command::Import(args)) => import::run(&args),
        Some(Command::Demo(args)) => demo::run(&args),
        Some(Command::Doctor) => doctor::run(&mut io::stdout().lock()),
        Some(Command::Dump(args)) => dump::run(&args),
        Some(Command::Tag(args)) => tag::run(&args),
        Some(Command::Who(args)) => who::run(&args),
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "poolmon", &mut script);
            Ok(io::stdout().lock().write_all(&script)?)
        }
        Some(Command::Man { folder }) => man(&folder),
    }
}

/// Writes `poolmon.1` and a page for each command.
fn man(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("cannot write man pages into {}", folder.display()))
}
