//! Groups of options that several commands share.
#![expect(
    clippy::option_option,
    reason = "clap's own form of an option that is absent, bare, or has a value"
)]

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use poolmon_model::{Filter, Limit, Pattern, PoolView, Scope, Search, Sort, column};

use super::values::{column_id, pool};

// Which rows, of which pools.
#[derive(Debug, Clone, Default, Args)]
pub struct WhichArgs {
    /// Pools: one pool, slab (both kinds), or all [default: all; slab for `top` on Linux]
    #[arg(long, value_name = "POOL", value_parser = pool(), ignore_case = true)]
    pub pool: Option<PoolView>,
    /// Show only tags that match (* any characters, ? one; case-sensitive); repeatable
    #[arg(long, value_name = "TAG")]
    pub include: Vec<String>,
    /// Leave out tags that match; repeatable
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

// `--pooltag`.
#[derive(Debug, Clone, Default, Args)]
pub struct PooltagArgs {
    /// Read drivers from a pooltag.txt. The next argument is taken as FILE if it is such a file or ends in .txt and
    /// does not exist; --pooltag=FILE always works. Without FILE: the one next to the program, in this folder or in
    /// the Windows Kits
    // Words are joined by `cli::pooltag`, so that a positional argument is never taken for FILE.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub pooltag: Option<Option<PathBuf>>,
}

impl PooltagArgs {
    /// `Some(None)`: asked for without a name.
    pub fn file(&self) -> Option<Option<&Path>> {
        self.pooltag.as_ref().map(|file| file.as_deref())
    }
}

// `--localtag`, as a file that is read.
#[derive(Debug, Clone, Default, Args)]
pub struct LocaltagArgs {
    /// Read drivers from a localtag.txt; FILE as for --pooltag
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub localtag: Option<Option<PathBuf>>,
}

impl LocaltagArgs {
    /// `Some(None)`: asked for without a name.
    pub fn file(&self) -> Option<Option<&Path>> {
        self.localtag.as_ref().map(|file| file.as_deref())
    }
}

// `--drivers`.
#[derive(Debug, Clone, Default, Args)]
pub struct DriversArgs {
    /// Search these drivers for the tag: a file, a folder or a mounted Windows disk; on Linux modules and a kernel;
    /// repeatable
    #[arg(long, value_name = "DIR|FILE")]
    pub drivers: Vec<PathBuf>,
}

// Which rows are shown, and in which order.
#[derive(Debug, Clone, Default, Args)]
pub struct RowArgs {
    #[command(flatten)]
    pub which: WhichArgs,
    /// Show only rows that meet every term, as `/` on the screen: 'ntf* >10M', owner:ntfs, 'pool:paged diff>5000'
    #[arg(long, value_name = "TERMS")]
    pub search: Option<String>,
    /// Sort by this column [default: bytes for `top`, tag for the screen on Windows, bytes on Linux]
    // The last one counts, as in PoolMon: its users write `-t -b`.
    #[arg(long, short = 'o', value_name = "COLUMN", value_parser = column_id(), overrides_with = "sort")]
    pub sort: Option<String>,
    /// Sort by the change of that column instead of its value
    #[arg(long)]
    pub by_change: bool,
    /// Reverse the sort order
    #[arg(long)]
    pub reverse: bool,
    /// Show totals by pool, and the memory that no tag accounts for
    #[arg(long)]
    pub totals: bool,
    #[command(flatten)]
    pub pooltag: PooltagArgs,
    #[command(flatten)]
    pub localtag: LocaltagArgs,
    /// Show Terminal Services session pools, all or one (Windows before 11 24H2)
    #[arg(long, value_name = "ID", num_args = 0..=1, require_equals = true)]
    pub session: Option<Option<u32>>,
}

impl RowArgs {
    /// The filter that these options mean.
    pub fn filter(&self) -> Filter {
        let scope = match self.session {
            None => Scope::System,
            Some(None) => Scope::AllSessions,
            Some(Some(id)) => Scope::Session(id),
        };
        let search = self.search.as_deref().map(Search::new).unwrap_or_default();
        Filter { scope, search, ..self.which.filter() }
    }

    /// No option says in which order rows are.
    pub const fn is_in_any_order(&self) -> bool {
        self.sort.is_none() && !self.by_change && !self.reverse
    }

    /// The order that these options mean.
    pub fn order(&self, default: &'static poolmon_model::Column) -> Sort {
        let column = self.sort.as_deref().and_then(column::by_id).unwrap_or(default);
        Sort { by_change: self.by_change, reversed: self.reverse, ..Sort::by(column) }
    }
}

// `--fail-on` of commands that do not judge.
#[derive(Debug, Clone, Default, Args)]
pub struct LimitArgs {
    /// Exit with code 3 if a tag or cache holds more than TAG>SIZE: 'kmalloc-*>5GiB', 'Leak>500MB'; repeatable
    #[arg(long = "fail-on", value_name = "LIMIT")]
    pub limits: Vec<Limit>,
}

// A stretch of time.
#[derive(Debug, Clone, Default, Args)]
pub struct RangeArgs {
    /// Ignore samples before this time: `2026-11-22 14:00`, `14:05`, `-2h` (before the end), `+10m` (after the
    /// start)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// Ignore samples after this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub to: Option<String>,
}

// A file to write.
#[derive(Debug, Clone, Args)]
pub struct OutputArgs {
    /// The file to write; - for standard output
    #[arg(long, short, value_name = "FILE", required_unless_present = "format")]
    pub output: Option<PathBuf>,
    /// Overwrite the file if it exists
    #[arg(long)]
    pub force: bool,
}

impl OutputArgs {
    /// The file; `None` for standard output.
    pub fn file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| path.as_os_str() != "-")
    }
}

/// Tags of each kind in a text, if nothing else is asked for.
pub const LISTED: usize = 20;

/// `--format` of an answer that has no table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum TextOrJson {
    /// Text
    #[default]
    #[value(alias = "table")]
    Text,
    /// One JSON object
    Json,
}

/// `--format` of an answer that programs may want as a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum AnswerFormat {
    /// Text
    #[default]
    #[value(alias = "table")]
    Text,
    /// One JSON object with every figure
    Json,
    /// Comma-separated values
    Csv,
}
