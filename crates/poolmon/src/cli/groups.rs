//! Groups of options that several commands share.
#![expect(
    clippy::option_option,
    reason = "clap's own form of an option that is absent, bare, or has a value"
)]

use std::path::PathBuf;

use clap::Args;
use poolmon_model::{Filter, Pattern, PoolView, Scope, Sort, column};

use super::values::{column_id, pool};

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
