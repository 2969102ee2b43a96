//! The command line, once: parsing, help, completions and man pages come from these definitions.
//!
//! * here: the commands, and what the process was called with;
//! * [`pooltag`]: `--pooltag FILE`; Microsoft's switches are turned into options by [`poolmon_model::classic`];
//! * [`groups`]: groups of options that several commands share; [`values`]: how a value is read;
//! * one file for each command's own options.

pub mod diff;
pub mod doctor;
pub mod dump;
pub mod export;
#[cfg(feature = "fleet")]
pub mod fleet;
pub mod groups;
pub mod holders;
pub mod import;
pub mod info;
pub mod leaks;
pub mod live;
pub mod measure;
pub mod note;
pub mod open;
mod pooltag;
pub mod record;
pub mod replay;
pub mod report;
#[cfg(feature = "serve")]
pub mod serve;
pub mod service;
pub mod source;
pub mod tag;
pub mod top;
pub mod trace;
pub mod values;
pub mod verify;
pub mod who;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use poolmon_model::classic;

use crate::app::outcome::{self, Outcome};

const USAGE: &str = "\
poolmon [OPTIONS]            the live screen
       poolmon PATH...              the command that fits the file or folder
       poolmon <COMMAND> [OPTIONS]";

const AFTER: &str = "\
Microsoft's PoolMon switches work too, with - or /, each on its own:
  -iTAG, -xTAG         show only, leave out tags that match (* and ? are wildcards)
  -p, -p -p            nonpaged pool only, paged pool only
  -t -a -f -d -b -m    sort by tag, allocs, frees, diff, bytes, bytes per alloc
  -(                   sort by the change since the last refresh
  -e, -l               totals; no highlighting
  -g [FILE]            drivers from pooltag.txt; -c [FILE] from localtag.txt
  -s[ID]               Terminal Services session pools, all or one
  -n [FILE], -r        append one snapshot to FILE (poolsnap.log); with memory figures";

fn after() -> String {
    let more = [Outcome::Found, Outcome::Interrupted].map(|outcome| (outcome, outcome.about()));
    format!("{AFTER}\n\n{}", outcome::help(&more))
}

/// Shows which driver is eating the kernel's memory.
///
/// Without a command, the live screen: which pool tags (Windows) or slab caches (Linux) hold the kernel's memory,
/// and how much they change.
#[derive(Debug, Parser)]
#[command(name = "poolmon", version, long_version = env!("POOLMON_VERSION"), override_usage = USAGE, after_help = after(), args_conflicts_with_subcommands = true, args_override_self = true, max_term_width = 110)]
pub struct Cli {
    /// The command; `live` if absent.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of the live screen.
    #[command(flatten)]
    pub live: live::LiveArgs,
    /// Print no notes and no progress on standard error; warnings and errors remain
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// When to use colours, on the screen and in what top, leaks, holders and diff print; auto: on a terminal, if `NO_COLOR` is not set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: live::Color,
    /// CSV and TSV: write text as it is, also what a spreadsheet would compute; else such text begins with '
    #[arg(long, global = true)]
    pub raw: bool,
    /// Order of day, month and year in dates such as 05/06/2026; else found from all dates of a file
    #[arg(long, global = true, value_name = "ORDER", value_parser = values::dates())]
    pub dates: Option<poolmon_read::DateOrder>,
}

impl Cli {
    /// What a group of options needs that clap cannot ask for, as other commands share the group.
    fn check(&self) -> Option<&'static str> {
        let source = match &self.command {
            Some(Command::Leaks(args)) => &args.source,
            Some(Command::Report(args)) => &args.source,
            Some(Command::Top(args)) => return args.check(),
            _ => return None,
        };
        let range = source.range.from.is_some() || source.range.to.is_some();
        (range && source.sources.is_empty()).then_some("--from and --to need a SOURCE: a recording or a log")
    }
}

/// The commands. Options of a command are defined when it is the one that runs, as those of all of them cost more than a table of `top`.
/// What describes a struct of options is a comment, not documentation: clap would take it for what the command is about.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Show this machine's kernel memory on a live screen
    Live(live::LiveArgs),
    /// Print one table of this machine or of a file
    Top(top::TopArgs),
    /// Show what grew between two samples: snapshots, times of a recording, dumps
    Diff(diff::DiffArgs),
    /// Open a file or folder of any kind with the command that fits; `open` itself can be left out
    Open(open::OpenArgs),
    /// Find leaking tags: how fast, how certain, and when memory runs out
    Leaks(leaks::LeaksArgs),
    /// Find leaking tags across hosts, from the metrics of Prometheus or another engine
    #[cfg(feature = "fleet")]
    Fleet(fleet::FleetArgs),
    /// List who keeps kernel objects: processes, queues, mounts, control groups
    Holders(holders::HoldersArgs),
    /// Measure what a command loses in each run, apart from background noise
    Measure(measure::MeasureArgs),
    /// Write the verdicts as a report (HTML or Markdown): text, plots, tables, next commands
    Report(report::ReportArgs),
    /// Play a recording or a log on the screen: play, step, jump
    Replay(replay::ReplayArgs),
    /// Record this machine into a folder, for weeks
    Record(record::RecordArgs),
    /// Serve a page, an API and metrics for Prometheus: of this machine, a recording, a log or a dump
    #[cfg(feature = "serve")]
    Serve(serve::ServeArgs),
    /// Record as a service that starts with the system
    Service(service::ServiceArgs),
    /// Write a note into a recording: what was installed, restarted or changed
    Note(note::NoteArgs),
    /// Show what is in a recording
    Info(info::InfoArgs),
    /// Check a recording for damage; exit code 1 if there is any
    Verify(verify::VerifyArgs),
    /// Export a recording, or a part of it, for other tools: Parquet, CSV, JSON lines, PoolMon logs, OpenMetrics
    Export(export::ExportArgs),
    /// Import logs and tables of other tools as a recording: PoolMon logs, CSV and TSV, Perfmon
    Import(import::ImportArgs),
    /// Show the live screen with a simulated Windows kernel: 3,000 tags, one of which leaks
    Demo(live::LiveArgs),
    /// Print where the configuration of the screen is, and every setting with its default
    Config,
    /// Check what poolmon can read on this machine, what is missing, and how to fix it
    Doctor(doctor::DoctorArgs),
    /// Read a Windows memory dump: poolused, modules, find, big, who
    Dump(dump::DumpArgs),
    /// Explain a tag: its drivers, its meaning, what to check next
    Tag(tag::TagArgs),
    /// Trace a slab cache or pool tag, or read a trace: which code allocates and does not free, with its stack
    Trace(trace::TraceArgs),
    /// Find the drivers that use a tag, with evidence from their code; or list every driver with its tags
    Who(who::WhoArgs),
    /// Print shell completions
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write the man pages into a folder
    #[command(hide = true)]
    Man {
        /// The folder.
        folder: PathBuf,
    },
}

/// How long a pipe may take to its first byte: `ssh HOST cat LOG | poolmon`.
const PATIENCE: Duration = Duration::from_secs(2);

/// The arguments of this process, Microsoft's switches translated.
pub fn from_env() -> Result<Cli, clap::Error> {
    use clap::CommandFactory as _;
    let mut args = std::env::args_os();
    let program = args.next().unwrap_or_else(|| OsStr::new("poolmon").to_owned());
    let mut rest = open::behind_command(args.collect());
    // Before Microsoft's switches, and before a path.
    let before = rest.iter().take_while(|arg| *arg == "-q" || *arg == "--quiet").count();
    rest.drain(..before);
    if let Some(classic) = classic::translate(&rest) {
        rest = classic.map_err(|unclear| {
            Cli::command().error(clap::error::ErrorKind::MissingRequiredArgument, unclear.0)
        })?;
    }
    let mut rest = pooltag::join(rest);
    let parse = |words: Vec<OsString>| Cli::try_parse_from(std::iter::once(program.clone()).chain(words));
    // A log piped into a program without any argument is to be read.
    if rest.is_empty() && poolmon_read::is_input_piped(PATIENCE) {
        rest.push("-".into());
    }
    let parsed = match open::without_command(&rest) {
        Some(words) => parse(words),
        None => parse(rest.clone()).or_else(|error| open::with_path(&rest).map_or(Err(error), parse)),
    };
    let mut cli = parsed.map_err(|error| below_zero(&error, &rest).unwrap_or(error))?;
    cli.quiet |= before > 0;
    match cli.check() {
        None => Ok(cli),
        Some(missing) => Err(Cli::command().error(clap::error::ErrorKind::MissingRequiredArgument, missing)),
    }
}

/// The error for `--for -5s`: clap takes the value for an option, and advises what fails, too.
fn below_zero(error: &clap::Error, words: &[OsString]) -> Option<clap::Error> {
    use clap::{CommandFactory as _, error::ContextKind, error::ContextValue, error::ErrorKind};
    let Some(ContextValue::String(wrong)) = error.get(ContextKind::InvalidArg) else { return None };
    let is_below = |word: &OsString| {
        let bytes = word.as_encoded_bytes();
        matches!(bytes, [b'-', b'0'..=b'9' | b'.', ..]) && bytes.starts_with(wrong.as_bytes())
    };
    let at = words.iter().position(is_below).filter(|_| error.kind() == ErrorKind::UnknownArgument)?;
    let option = words.get(at.checked_sub(1)?)?.display();
    let text = format!("`{}` is no option, and {option} takes no value below zero", words.get(at)?.display());
    Some(Cli::command().error(ErrorKind::InvalidValue, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn a_value_below_zero_is_named_for_what_it_is() {
        for line in ["top --over -5s", "top -n -1", "record d --for -.5h"] {
            let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
            let error =
                Cli::try_parse_from(std::iter::once("poolmon".into()).chain(words.clone())).unwrap_err();
            let error = below_zero(&error, &words).unwrap().to_string();
            assert!(error.contains("takes no value below zero") && !error.contains("tip"), "{error}");
        }
    }

    /// What would be ignored is refused.
    #[test]
    fn an_option_without_a_meaning_is_refused() {
        let kinds =
            [clap::error::ErrorKind::ArgumentConflict, clap::error::ErrorKind::MissingRequiredArgument];
        for line in [
            "fleet dir --over 2h",
            "fleet dir --at -2h",
            "fleet dir --match a",
            "fleet dir --bearer-file f",
            "fleet dir --timeout 3s",
            "serve --from f --interval 1s",
            "leaks f --interval 1s",
            "leaks f --explain Leak --format json",
            "leaks f --explain Leak --fail-on leak",
            "leaks --from -2h",
            "live --memory",
            "live --stamp",
            "live --snapshot --interval 1s",
            "trace f.ptrace --folded --top 3",
            "top --at -2h",
            "top f -H --format csv",
        ] {
            match Cli::try_parse_from(std::iter::once("poolmon").chain(line.split(' '))) {
                Err(error) => assert!(kinds.contains(&error.kind()), "{line}: {error}"),
                Ok(cli) => assert!(cli.check().is_some(), "{line}"),
            }
        }
    }

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_command_is_about_what_the_list_of_commands_says() {
        let abouts = |command: &clap::Command| -> Vec<String> {
            let about = |it: &clap::Command| {
                format!("{}: {:?}", it.get_name(), it.get_about().map(ToString::to_string))
            };
            command.get_subcommands().filter(|it| it.get_name() != "help").map(about).collect()
        };
        let listed = Cli::command();
        let mut defined = Cli::command();
        defined.build();
        assert_eq!(abouts(&listed), abouts(&defined));
    }

    /// One parser reads every span: what `record --for` takes, `top --over` takes too.
    #[test]
    fn a_day_is_a_span_in_every_command() {
        let over = |text: &str| {
            let cli =
                Cli::try_parse_from(["poolmon", "top", "--over", text]).map_err(|error| error.to_string())?;
            let Some(Command::Top(top)) = cli.command else { panic!("another command") };
            Ok::<_, String>(top.over)
        };
        assert_eq!(over("1d"), Ok(Some(std::time::Duration::from_hours(24))));
        assert_eq!(over("36h"), Ok(Some(std::time::Duration::from_hours(36))));
        let of = |args: &[&str]| Cli::try_parse_from(args).unwrap_err().to_string();
        let (top, record) =
            (of(&["poolmon", "top", "--over", "x"]), of(&["poolmon", "record", "d", "--for", "x"]));
        let text = |error: &str| error.rsplit("': ").next().map(str::to_owned);
        assert_eq!(text(&top), text(&record), "one error text");
    }
}
