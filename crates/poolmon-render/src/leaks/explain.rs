//! What speaks for and against a leak of one tag, rule by rule.

use std::io::{self, Write};

use jiff::tz::TimeZone;
use poolmon_leak::{Verdict, percent};
use poolmon_report::AnalysedSeries;

/// Writes it for each row of the tag. A tag that was never seen is an error of kind [`io::ErrorKind::NotFound`].
///
/// # Errors
/// As `out`, or the tag is not among the samples.
pub fn explain(out: &mut dyn Write, judged: &AnalysedSeries, tag: &str, zone: &TimeZone) -> io::Result<()> {
    let is_it = |verdict: &&Verdict| verdict.tag.to_string().trim_end() == tag.trim_end();
    let mut rows = judged.report.verdicts.iter().filter(is_it).peekable();
    if rows.peek().is_none() {
        let text = format!("no sample has a tag `{tag}`; poolmon leaks --all lists those that there are");
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    for verdict in rows {
        row(out, verdict, zone)?;
    }
    Ok(())
}

fn row(out: &mut dyn Write, verdict: &Verdict, zone: &TimeZone) -> io::Result<()> {
    writeln!(out, "{}", verdict.sentence(zone))?;
    for reason in &verdict.reasons {
        writeln!(out, "  {reason}")?;
    }
    let Some(suspicion) = &verdict.suspicion else {
        return writeln!(out, "  It did not grow, so no rule was applied.");
    };
    writeln!(out, "\nHow likely a leak is, by what it shows itself: {}", percent(suspicion.confidence))?;
    writeln!(out, "  {:>+6.2}  of the rows that grow, few leak", suspicion.prior)?;
    for one in &suspicion.contributions {
        writeln!(out, "  {:>+6.2}  {:<14} {}", one.weight, one.rule, one.found)?;
    }
    let sum = suspicion.contributions.iter().map(|one| one.weight).sum::<f64>() + suspicion.prior;
    writeln!(out, "  {sum:>+6.2}  together (natural logarithm of the odds; +1 is 2.7 to 1)")
}
