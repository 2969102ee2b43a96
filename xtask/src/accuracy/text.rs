//! The figures as Markdown, ready for a README.

use std::fmt::Write as _;

use crate::baselines::METHODS;
use crate::judge::LEVELS;
use crate::tally::{Share, Sums, Tally, quantile};

/// The whole document.
pub fn document(set: &str, first: u64, tally: &Tally, seconds: f64) -> String {
    let mut out = String::new();
    let hosts = tally.all.hosts;
    let _ = writeln!(out, "{hosts} {set} hosts from position {first}, {seconds:.0} s\n");
    let levels = LEVELS.map(|level| format!(" {level}: precision | recall | wrong lines a host |")).concat();
    let _ = writeln!(out, "| length | hosts | leaks | top-1 | in first N |{levels} culprit |");
    out.push_str(&rule(6 + 3 * LEVELS.len()));
    for (name, sums) in sections(tally) {
        let _ = write!(out, "| {name} | {} | {} |", sums.hosts, sums.in_first.of);
        let _ = write!(out, " {} | {} |", share(sums.top), share(sums.in_first));
        for level in 0..LEVELS.len() {
            let right = sums.precision[level];
            let wrong = (right.of - right.hits) as f64 / sums.hosts.max(1) as f64;
            let _ = write!(out, " {} | {} | {wrong:.2} |", share(right), share(sums.recall[level]));
        }
        let _ = writeln!(out, " {} |", share(sums.culprit));
    }
    rates(&mut out, tally);
    methods(&mut out, tally);
    mechanisms(&mut out, tally);
    if let Some(error) = tally.reliability.error() {
        let _ = writeln!(out, "\nCalibration error above a confidence of 10 %: {error:.3}");
    }
    out
}

fn rule(columns: usize) -> String {
    format!("|{}\n", "---|".repeat(columns))
}

/// Cells of a line, the first border left out.
fn cells(texts: impl Iterator<Item = String>) -> String {
    texts.fold(String::new(), |line, text| line + " " + &text + " |")
}

fn sections(tally: &Tally) -> impl Iterator<Item = (&'static str, &Sums)> {
    let lengths = tally.lengths.iter().map(|(length, sums)| (length.name(), sums));
    lengths.chain(std::iter::once(("all", &tally.all)))
}

fn share(share: Share) -> String {
    share.value().map_or_else(|| "-".into(), |value| format!("{value:.2} ({} of {})", share.hits, share.of))
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{:.1} %", value * 100.0))
}

fn rates(out: &mut String, tally: &Tally) {
    let levels = LEVELS.map(|level| format!(" {level}: true rate in the interval |")).concat();
    let _ = writeln!(out, "\n| length |{levels} rate error, median | p90 | onset error, median | p90 |");
    out.push_str(&rule(5 + LEVELS.len()));
    for (name, sums) in sections(tally) {
        let inside = sums.inside.map(|inside| format!(" {} |", share(inside))).concat();
        let errors = |errors: &[f64]| {
            format!("{} | {}", percent(quantile(errors, 0.5)), percent(quantile(errors, 0.9)))
        };
        let _ = writeln!(
            out,
            "| {name} |{inside} {} | {} |",
            errors(&sums.rate_errors),
            errors(&sums.onset_errors)
        );
    }
}

fn methods(out: &mut String, tally: &Tally) {
    let names = cells(sections(tally).map(|(name, _)| name.to_owned()));
    let row = |out: &mut String, name: &str, value: &dyn Fn(&Sums) -> Share| {
        let values = sections(tally).map(|(_, sums)| value(sums).value());
        let values =
            cells(values.map(|value| value.map_or_else(|| "-".into(), |value| format!("{value:.2}"))));
        let _ = writeln!(out, "| {name} |{values}");
    };
    let columns = tally.lengths.len() + 2;
    let _ = writeln!(out, "\n| top-1 |{names}\n{}", rule(columns).trim_end());
    row(out, "poolmon leaks", &|sums| sums.top);
    for (at, name) in METHODS.iter().enumerate() {
        row(out, name, &|sums| sums.methods[at].top);
    }
    let _ = writeln!(
        out,
        "\n| leaks found in as many lines as there are leaks |{names}\n{}",
        rule(columns).trim_end()
    );
    row(out, "poolmon leaks", &|sums| sums.in_first);
    for (at, name) in METHODS.iter().enumerate() {
        row(out, name, &|sums| sums.methods[at].in_first);
    }
    let _ = writeln!(out, "\n| precision of all that is claimed |{names}\n{}", rule(columns).trim_end());
    for (level, name) in LEVELS.iter().enumerate() {
        row(out, &format!("poolmon leaks, {name} or surer"), &|sums| sums.precision[level]);
    }
    for (at, name) in METHODS.iter().enumerate().skip(3) {
        row(out, name, &|sums| sums.methods[at].precision);
    }
}

fn mechanisms(out: &mut String, tally: &Tally) {
    let lengths = cells(tally.lengths.keys().map(|length| length.name().to_owned()));
    let levels = LEVELS.map(|level| format!(" {level} |")).concat();
    let _ = writeln!(out, "\n| leaks named, at a level or a surer one |{levels}{lengths}");
    out.push_str(&rule(1 + LEVELS.len() + tally.lengths.len()));
    for (mechanism, sums) in tally.mechanisms.iter().filter(|(_, sums)| sums.recall[0].of > 0) {
        let recall = sums.recall.map(|recall| format!(" {} of {} |", recall.hits, recall.of)).concat();
        let _ = write!(out, "| {} |{recall}", mechanism.name());
        for length in tally.lengths.keys() {
            let named = sums.by_length.get(length).map(|named| format!("{} of {}", named.hits, named.of));
            let _ = write!(out, " {} |", named.as_deref().unwrap_or("-"));
        }
        out.push('\n');
    }
    let _ = writeln!(out, "\n| lines about rows that do not leak (stopped or freed later) |{levels}");
    out.push_str(&rule(1 + LEVELS.len()));
    for (mechanism, sums) in &tally.mechanisms {
        let lines = sums.wrong.iter().zip(sums.neutral);
        if sums.wrong.iter().chain(&sums.neutral).any(|&count| count > 0) {
            let lines = cells(lines.map(|(wrong, neutral)| format!("{wrong} ({neutral})")));
            let _ = writeln!(out, "| {} |{lines}", mechanism.name());
        }
    }
}
