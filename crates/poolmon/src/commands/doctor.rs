//! `poolmon doctor`: what this machine can report, what is missing, and the command that helps.

use std::io::{self, IsTerminal as _, Write};

use anyhow::Context as _;
use poolmon_model::PoolView;
use poolmon_model::units::human_bytes;
use poolmon_source::doctor::{self, Check, CheckResult, SelfTest};

use crate::cli::doctor::DoctorArgs;
use crate::input;

/// Prints the report. It fails (exit code 1) where the live screen would have nothing to show.
pub fn run(args: &DoctorArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut checks = if args.self_test { self_test(args)? } else { doctor::checks() };
    checks.push(pooltag());
    checks.push(terminal());
    writeln!(out, "poolmon {} on {}", env!("CARGO_PKG_VERSION"), std::env::consts::OS)?;
    let width = checks.iter().map(|check| check.what.chars().count()).max().unwrap_or(0);
    for check in &checks {
        let mark = match check.state {
            CheckResult::Good => "ok  ",
            CheckResult::Note => "note",
            CheckResult::Bad => "BAD ",
        };
        writeln!(out, "  {mark}  {:width$}  {}", check.what, check.found)?;
        for line in check.remedy.iter().flat_map(|remedy| remedy.lines()) {
            writeln!(out, "        {:width$}  -> {line}", "")?;
        }
    }
    out.flush()?;
    let bad = checks.iter().filter(|check| check.state == CheckResult::Bad).count();
    if bad > 0 {
        anyhow::bail!(
            "{bad} of {} checks are bad: the live table cannot be shown; `poolmon demo` works everywhere",
            checks.len()
        );
    }
    Ok(())
}

/// All checks, and the zip of what they were made on.
fn self_test(args: &DoctorArgs) -> anyhow::Result<Vec<Check>> {
    if let Some(file) = &args.output {
        poolmon_store::may_be_written(file, args.force)?;
    }
    let mut source = input::live(PoolView::All)?;
    let SelfTest { mut checks, files } = doctor::self_test(&mut *source);
    if let Some(file) = &args.output {
        let packed = poolmon_print::zip::zip(&files)?;
        poolmon_store::WholeFile::write(file, &packed)
            .with_context(|| format!("cannot write {}", file.display()))?;
        let found = format!("{}: {}", file.display(), human_bytes(packed.len() as u64));
        checks.push(Check::new(CheckResult::Good, "self-test: zip", found));
    }
    Ok(checks)
}

fn pooltag() -> Check {
    match crate::app::owners::find() {
        Some(path) => Check::new(CheckResult::Good, "pooltag.txt", path.display().to_string()),
        None => Check::new(
            CheckResult::Note,
            "pooltag.txt",
            "not found: only the built-in table is used",
        )
        .remedy("name one with --pooltag=FILE (the Debugging Tools for Windows have one in the folder triage)"),
    }
}

fn terminal() -> Check {
    let colour = if std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) {
        "without colour (NO_COLOR)"
    } else {
        "with colour"
    };
    if io::stdout().is_terminal() {
        Check::new(CheckResult::Good, "terminal", colour)
    } else {
        Check::new(
            CheckResult::Note,
            "terminal",
            "standard output is not a terminal: `poolmon` prints one table",
        )
    }
}
