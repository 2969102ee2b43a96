//! `poolmon dump`: WinDbg's answers from a memory dump.
//!
//! here: what it is; [`poolused`], [`modules`], [`find`], [`big`], [`who`]: one file a question.

mod big;
mod find;
mod modules;
pub mod poolused;
mod who;

use std::io::Write as _;
use std::path::Path;

use poolmon_dump::Dump;
use poolmon_dump::symbols::find::{self as symbols, Wanted};
use poolmon_model::problem::shell_path;

use crate::app::outcome::Outcome;
use crate::app::owners;
use crate::app::say::{self, warning};
use crate::cli::dump::{DumpArgs, Question};
use crate::cli::groups::{RowArgs, TextOrJson};
use crate::input;

/// Answers the question.
pub fn run(args: &DumpArgs) -> anyhow::Result<Outcome> {
    if args.question.is_some() && args.format.is_some() {
        warning!("put --format after the question: poolmon dump FILE modules --format json");
        return Ok(Outcome::Usage);
    }
    let mut dump = input::dump::open(&args.file, args.common.temp.as_deref())?;
    let common = &args.common;
    // Only the pool tables are looked up by symbols.
    if matches!(args.question, None | Some(Question::Poolused(_) | Question::Big(_))) {
        let asked_for = !common.symbols.is_empty() || common.symbols_download;
        let wanted = Wanted { paths: &common.symbols, download: common.symbols_download };
        let outcome = symbols::apply(&mut dump, wanted);
        // Who only has _NT_SYMBOL_PATH set need not hear each time that a file is missing there.
        for problem in outcome.problems.iter().filter(|_| asked_for && outcome.used.is_none()) {
            say::warn(problem);
        }
        if args.question.is_none() {
            return about(&dump, args.format.unwrap_or_default(), outcome.used.as_deref());
        }
    }
    match &args.question {
        None => Ok(Outcome::Done),
        Some(Question::Poolused(args)) => poolused::run(&dump, args),
        Some(Question::Modules(args)) => modules::run(&dump, args),
        Some(Question::Find(args)) => find::run(&dump, args),
        Some(Question::Big(args)) => big::run(&dump, args),
        Some(Question::Who(args)) => who::run(&dump, args),
    }
}

/// What the dump is, and what it can answer.
fn about(dump: &Dump, format: TextOrJson, symbols: Option<&Path>) -> anyhow::Result<Outcome> {
    use poolmon_render::dump::about;
    let info = dump.info();
    let used = dump.pool_used();
    let owners = owners::load_or_find(&RowArgs::default())?;
    let command = format!("poolmon dump {}", shell_path(dump.path()));
    let beside = about::Beside {
        symbols,
        used: used.as_ref().map_err(ToString::to_string),
        owners: &owners,
        command: &command,
    };
    let mut out = say::out(format == TextOrJson::Text);
    match format {
        TextOrJson::Text => out.write_all(about::text(dump, &info, &beside).as_bytes())?,
        TextOrJson::Json => poolmon_render::json(&mut out, &about::json(dump, &info, &beside))?,
    }
    out.flush()?;
    Ok(Outcome::done_if(dump.warnings().is_empty()))
}
