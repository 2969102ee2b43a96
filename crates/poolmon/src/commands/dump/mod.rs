//! `poolmon dump`: WinDbg's answers from a memory dump.
//!
//! [`about`]: what it is; [`poolused`], [`modules`], [`find`], [`big`], [`who`]: one file a question.

mod about;
mod big;
mod find;
mod modules;
pub mod poolused;
mod who;

use std::fmt::Write as _;

use poolmon_dump::Dump;

use crate::cli::dump::{DumpArgs, Question, TextOrJson};
use crate::input;
use crate::input::symbols::Wanted;

/// Answers the question.
pub fn run(args: &DumpArgs) -> anyhow::Result<()> {
    if args.question.is_some() && args.format.is_some() {
        eprintln!("poolmon: --format belongs behind the question: poolmon dump FILE modules --format json");
        return Err(crate::Exit(2).into());
    }
    let mut dump = input::dump::open(&args.file, args.common.temp.as_deref())?;
    let common = &args.common;
    // Only the pool tables are looked up by symbols.
    if matches!(args.question, None | Some(Question::Poolused(_) | Question::Big(_))) {
        let asked_for = !common.symbols.is_empty() || common.symbols_download;
        let wanted = Wanted { paths: &common.symbols, download: common.symbols_download };
        let outcome = input::symbols::apply(&mut dump, wanted);
        // Who only has _NT_SYMBOL_PATH set need not hear each time that a file is missing there.
        for problem in outcome.problems.iter().filter(|_| asked_for && outcome.used.is_none()) {
            eprintln!("poolmon: {problem}");
        }
        if args.question.is_none() {
            return about::run(&dump, args.format.unwrap_or(TextOrJson::Text), outcome.used.as_deref());
        }
    }
    match &args.question {
        None => Ok(()),
        Some(Question::Poolused(args)) => poolused::run(&dump, args),
        Some(Question::Modules(args)) => modules::run(&dump, args),
        Some(Question::Find(args)) => find::run(&dump, args),
        Some(Question::Big(args)) => big::run(&dump, args),
        Some(Question::Who(args)) => who::run(&dump, args),
    }
}

/// An address as `WinDbg` writes it: two halves with a grave accent between, eight digits on 32-bit systems.
fn address(dump: &Dump, address: u64) -> String {
    if is_narrow(dump) {
        format!("{address:08x}")
    } else {
        format!("{:08x}`{:08x}", address >> 32, address & 0xffff_ffff)
    }
}

fn is_narrow(dump: &Dump) -> bool {
    dump.info().machine == Some(poolmon_dump::Machine::X86)
}

/// Writes rows of text, each column as wide as its widest cell; the last one is not padded. Those named in `right` are
/// numbers.
fn table(out: &mut dyn std::io::Write, rows: &[Vec<String>], right: &[usize]) -> std::io::Result<()> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows {
        let mut line = String::new();
        for (at, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            if at > 0 {
                line += "  ";
            }
            let _ = if right.contains(&at) {
                write!(line, "{cell:>width$}")
            } else {
                write!(line, "{cell:<width$}")
            };
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Writes rows with a separator, quoted where they have to be.
fn delimited(out: &mut dyn std::io::Write, rows: &[Vec<String>], separator: char) -> std::io::Result<()> {
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .map(|cell| {
                if separator == '\t' {
                    cell.replace(['\t', '\n', '\r'], " ")
                } else if cell.contains([',', '"', '\n', '\r']) {
                    format!("\"{}\"", cell.replace('"', "\"\""))
                } else {
                    cell.clone()
                }
            })
            .collect();
        writeln!(out, "{}", cells.join(&separator.to_string()))?;
    }
    Ok(())
}
