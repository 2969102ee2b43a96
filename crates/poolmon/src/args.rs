//! The command line, once: parsing, help, completions and man pages come from these definitions.
#![expect(
    clippy::option_option,
    reason = "clap's own form of an option that is absent, bare, or has a value"
)]

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand, ValueEnum};
use poolmon_model::{Filter, Pattern, Pool, PoolView, Scope, Sort, column};

const AFTER: &str = "\
Microsoft's PoolMon switches work too, with - or /, each on its own:
  -iTAG, -xTAG         show only, leave out tags that match (* and ? are wildcards)
  -p, -p -p            nonpaged pool only, paged pool only
  -t -a -f -d -b -m    sort by tag, allocs, frees, diff, bytes, bytes per alloc
  -(                   sort by the change since the last refresh
  -e, -l               totals; no highlighting
  -g [FILE]            drivers from pooltag.txt; -c [FILE] from localtag.txt
  -s[ID]               Terminal Services session pools, all or one
  -n [FILE], -r        append one snapshot to FILE (poolsnap.log); with memory figures

Exit codes: 0 done; 1 something failed, the message says what helps; 2 wrong arguments.";

/// Tells which driver is eating the kernel's memory.
///
/// Without a command, the live screen: which pool tags (Windows) or slab caches (Linux) hold the kernel's memory,
/// and how that changes.
#[derive(Debug, Parser)]
#[command(name = "poolmon", version, after_help = AFTER, args_conflicts_with_subcommands = true, args_override_self = true, max_term_width = 110)]
pub struct Cli {
    /// What to do; live if nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of the live screen.
    #[command(flatten)]
    pub live: LiveArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The live screen over this machine's kernel memory
    Live(LiveArgs),
    /// One table, of this machine or of a saved log
    Top(TopArgs),
    /// What grew from one moment to another: snapshots, moments of recordings, dumps
    Diff(crate::commands::diff::DiffArgs),
    /// Which tags leak, how fast, how sure, and when memory runs out
    Leaks(crate::commands::leaks::LeaksArgs),
    /// What a command loses at each run, told apart from the machine's own noise
    Measure(crate::commands::measure::MeasureArgs),
    /// The verdict as a file to send: words, plots, tables, next commands; HTML or Markdown
    Report(crate::commands::report::ReportArgs),
    /// The live screen over a recording or a log, with time: play, step, jump
    Replay(crate::commands::replay::ReplayArgs),
    /// Record this machine into a folder, for weeks
    Record(crate::commands::record::RecordArgs),
    /// Record as a service that starts with the system
    Service(crate::commands::service::ServiceArgs),
    /// Write a note into a recording: what was installed, restarted, changed
    Note(crate::commands::note::NoteArgs),
    /// What is in a recording
    Info(crate::commands::info::InfoArgs),
    /// Whether a recording is whole; exit code 1 where something is damaged
    Verify(crate::commands::verify::VerifyArgs),
    /// A recording, or a part of it, for other tools: Parquet, CSV, JSON lines, PoolMon logs, OpenMetrics
    Export(crate::commands::export::ExportArgs),
    /// Logs and tables of other tools as a recording: PoolMon logs, CSV and TSV, Perfmon
    Import(crate::commands::import::ImportArgs),
    /// The live screen over a simulated Windows kernel: 3,000 tags, one of which leaks
    Demo(LiveArgs),
    /// What this machine can tell, what is missing, and the command that helps
    Doctor,
    /// WinDbg's answers from a memory dump: poolused, modules, find, big, who
    Dump(crate::commands::dump::DumpArgs),
    /// What is known of a tag: its drivers, what it stands for, what to look at
    Tag(TagArgs),
    /// Which drivers use a tag, with evidence from their code; or every driver with its tags
    Who(crate::commands::who::WhoArgs),
    /// Print the completions for a shell
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

/// Which tags of which pools.
#[derive(Debug, Clone, Default, Args)]
pub struct WhichArgs {
    /// Which pools: one of them, slab (both kinds), or all [default: all]
    #[arg(long, value_name = "POOL", value_parser = pool())]
    pub pool: Option<PoolView>,
    /// Only tags that match (* any characters, ? one; case counts); repeatable
    #[arg(long, value_name = "TAG")]
    pub include: Vec<String>,
    /// No tags that match; repeatable
    #[arg(long, value_name = "TAG")]
    pub exclude: Vec<String>,
}

impl WhichArgs {
    /// The pools.
    pub fn view(&self) -> PoolView {
        self.pool.unwrap_or_default()
    }

    /// All of it.
    pub fn filter(&self) -> Filter {
        let patterns = |texts: &[String]| texts.iter().map(|text| Pattern::new(text)).collect();
        Filter {
            view: self.view(),
            include: patterns(&self.include),
            exclude: patterns(&self.exclude),
            ..Filter::default()
        }
    }
}

/// Which rows are shown, and in which order.
#[derive(Debug, Clone, Default, Args)]
pub struct RowArgs {
    /// Which pools: one of them, slab (both kinds), or all [default: all; slab for `top` on Linux]
    #[arg(long, value_name = "POOL", value_parser = pool())]
    pub pool: Option<PoolView>,
    /// Only tags that match (* any characters, ? one; case counts); repeatable
    #[arg(long, value_name = "TAG")]
    pub include: Vec<String>,
    /// No tags that match; repeatable
    #[arg(long, value_name = "TAG")]
    pub exclude: Vec<String>,
    /// Sort by this column [default: bytes for `top`, tag for the screen on Windows, bytes on Linux]
    // The last one counts, as in PoolMon: its users write `-t -b`.
    #[arg(long, value_name = "COLUMN", value_parser = column_id(), overrides_with = "sort")]
    pub sort: Option<String>,
    /// Sort by the change of that column instead of its value
    #[arg(long)]
    pub by_change: bool,
    /// Turn the order round
    #[arg(long)]
    pub reverse: bool,
    /// Totals by pool, and what no tag accounts for
    #[arg(long)]
    pub totals: bool,
    /// Drivers from a pooltag.txt; without FILE it is looked for beside the program and in the Windows Kits
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub pooltag: Option<Option<PathBuf>>,
    /// Drivers from a localtag.txt
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub localtag: Option<Option<PathBuf>>,
    /// Terminal Services session pools, all or one (Windows before 11 24H2)
    #[arg(long, value_name = "ID", num_args = 0..=1, require_equals = true)]
    pub session: Option<Option<u32>>,
}

/// Options of `live` and `demo`.
#[derive(Debug, Clone, Default, Args)]
pub struct LiveArgs {
    /// Rows and order.
    #[command(flatten)]
    pub rows: RowArgs,
    /// Show one moment out of a file instead: a dump, or the last sample of a log or recording
    #[arg(long, value_name = "FILE", conflicts_with = "interval")]
    pub from: Option<PathBuf>,
    /// Time between two refreshes (100ms to 1h) [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = interval)]
    pub interval: Option<Duration>,
    /// Changed rows are not highlighted
    #[arg(long)]
    pub no_highlight: bool,
    /// When colours are used
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Record into a folder what is watched, as `poolmon record` does
    #[arg(long, value_name = "DIR", conflicts_with_all = ["from", "snapshot"])]
    pub record: Option<PathBuf>,
    /// Append one snapshot to FILE instead of showing the screen, in PoolMon's layout [FILE: poolsnap.log]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub snapshot: Option<Option<PathBuf>>,
    /// With --snapshot: the two lines of memory figures too
    #[arg(long)]
    pub memory: bool,
    /// With --snapshot: a line with time, host and boot before it
    #[arg(long)]
    pub stamp: bool,
}

/// Options of `top`.
#[derive(Debug, Clone, Args)]
pub struct TopArgs {
    /// A recording, a saved PoolMon log, CSV or TSV table, WinDbg !poolused text or memory dump; - for standard input;
    /// this machine if absent
    pub file: Option<PathBuf>,
    /// Rows and order.
    #[command(flatten)]
    pub rows: RowArgs,
    /// At most this many rows
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// How the table is written
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub format: FormatArg,
    /// Show the change over this time: of this machine by waiting, of a recording against what was then
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub over: Option<Duration>,
    /// Of a recording or a log with times: this moment (2026-11-22 14:00, 14:05, -2h before the end) [default: the last]
    #[arg(long, value_name = "TIME", requires = "file", allow_hyphen_values = true)]
    pub at: Option<String>,
}

/// Options of `tag`.
#[derive(Debug, Clone, Args)]
pub struct TagArgs {
    /// The tag (one to four characters; \xNN for a byte that does not print), or a slab cache
    pub tag: String,
    /// A pooltag.txt; without FILE it is looked for beside the program and in the Windows Kits
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub pooltag: Option<Option<PathBuf>>,
    /// A localtag.txt
    #[arg(long, value_name = "FILE")]
    pub localtag: Option<PathBuf>,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatArg {
    /// Aligned text
    Table,
    /// Tab-separated values
    Tsv,
    /// Comma-separated values
    Csv,
    /// JSON
    Json,
    /// PoolMon's own snapshot layout
    Poolmon,
}

/// `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// As the terminal and `NO_COLOR` say
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl RowArgs {
    /// The filter that these options mean.
    pub fn filter(&self) -> Filter {
        Filter {
            view: self.pool.unwrap_or_default(),
            scope: match self.session {
                None => Scope::System,
                Some(None) => Scope::AllSessions,
                Some(Some(id)) => Scope::Session(id),
            },
            include: self.include.iter().map(|text| Pattern::new(text)).collect(),
            exclude: self.exclude.iter().map(|text| Pattern::new(text)).collect(),
            ..Filter::default()
        }
    }

    /// The order that these options mean.
    pub fn order(&self, default: &'static poolmon_model::Column) -> Sort {
        let column = self.sort.as_deref().and_then(column::by_id).unwrap_or(default);
        Sort { column, by_change: self.by_change, reversed: self.reverse }
    }
}

/// `--pool`.
pub fn pool() -> impl clap::builder::TypedValueParser<Value = PoolView> {
    let views = [PoolView::All, PoolView::Slab].into_iter().chain(Pool::ALL.map(PoolView::Only));
    PossibleValuesParser::new(views.map(PoolView::id))
        .try_map(|text| PoolView::parse(&text).ok_or("not a pool"))
}

fn column_id() -> PossibleValuesParser {
    PossibleValuesParser::new(
        column::COLUMNS.iter().map(|column| clap::builder::PossibleValue::new(column.id).help(column.about)),
    )
}

/// `5s`, `100ms`, `2 min`, `1h`, or a bare number of seconds.
pub fn interval(text: &str) -> Result<Duration, String> {
    let time = span(text)?;
    let range = ..=Duration::from_hours(1);
    if range.contains(&time) { Ok(time) } else { Err(format!("`{text}` is out of range: 100ms to 1h")) }
}

/// As [`interval`], of any length.
fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time; write 5s, 500ms, 2min or 1h");
    let time = if let Ok(seconds) = text.trim().parse::<f64>() {
        Duration::try_from_secs_f64(seconds).map_err(|_| wrong())?
    } else {
        let span: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
        Duration::try_from(span).map_err(|_| wrong())?
    };
    if time >= Duration::from_millis(100) {
        Ok(time)
    } else {
        Err(format!("`{text}` is too short: 100ms at least"))
    }
}

/// The arguments of this process, Microsoft's switches translated.
pub fn from_env() -> Result<Cli, clap::Error> {
    use clap::CommandFactory as _;
    let mut args = std::env::args_os();
    let program = args.next().unwrap_or_else(|| OsStr::new("poolmon").to_owned());
    let mut rest: Vec<_> = args.collect();
    if let Some(classic) = crate::classic::translate(&rest) {
        rest = classic.map_err(|unclear| {
            Cli::command().error(clap::error::ErrorKind::MissingRequiredArgument, unclear.0)
        })?;
    }
    Cli::try_parse_from(std::iter::once(program).chain(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times() {
        assert_eq!(interval("5s"), Ok(Duration::from_secs(5)));
        assert_eq!(interval("0.5"), Ok(Duration::from_millis(500)));
        assert_eq!(interval("100ms"), Ok(Duration::from_millis(100)));
        assert!(interval("1ms").unwrap_err().contains("100ms"));
        assert!(interval("soon").unwrap_err().contains("500ms"));
        assert!(interval("-5s").is_err());
        assert!(interval("1e300").is_err());
    }
}
