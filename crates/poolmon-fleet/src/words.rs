//! What was found, as text.

use std::fmt::Write as _;

use poolmon_leak::Level;
use poolmon_model::units::{counted, grouped, human_amount, rough_hours};

use crate::local::RECORDINGS;
use crate::{ByUptime, Contrast, Finding, Fleet};

/// Hosts of a finding that are listed by name.
const NAMED: usize = 5;

/// All of it: findings, what was looked at, what was asked.
pub fn text(fleet: &Fleet) -> String {
    let mut out = String::new();
    let span = rough_hours(fleet.window_hours);
    if fleet.series == 0 && fleet.asked.is_empty() {
        out.push_str("The folder holds no samples of tags or caches.\n");
    } else if fleet.series == 0 {
        out.push_str(
            "The engine has no series of tags, caches or pools.\n  \
             Run `poolmon serve` on the hosts, or node_exporter with --collector.slabinfo, and let the engine scrape it.\n",
        );
    } else if let Some(why) = fleet.unknown().filter(|_| fleet.findings.is_empty()) {
        let _ = writeln!(
            out,
            "Unknown whether anything leaks: {why} ({} series in {span})",
            grouped(fleet.series)
        );
    } else if fleet.findings.is_empty() {
        let judged = fleet.hosts.saturating_sub(fleet.young) as u64;
        let _ = writeln!(
            out,
            "No leak found on {} in {span} ({} series)",
            counted(judged, "host"),
            grouped(fleet.series)
        );
    } else {
        for finding in &fleet.findings {
            write_finding(&mut out, finding);
        }
    }
    if fleet.series > 0 {
        out.push_str(&looked_at(fleet, &span));
    }
    let who = if fleet.exporters.contains(RECORDINGS) { "Left out" } else { "The engine remarks" };
    for warning in &fleet.warnings {
        let _ = writeln!(out, "{who}: {}", printable(warning));
    }
    if !fleet.asked.is_empty() {
        write_asked(&mut out, fleet);
    }
    out
}

fn write_asked(out: &mut String, fleet: &Fleet) {
    out.push_str("\nAsked\n");
    let _ = writeln!(out, "  {:>8}  {:>11}  {:>7}  for", "series", "bytes", "seconds");
    let mut sums: Vec<(&str, usize, usize, u64, f64)> = Vec::new();
    for one in &fleet.asked {
        match sums.iter_mut().find(|sum| sum.0 == one.what) {
            Some(sum) => {
                sum.1 += 1;
                sum.2 += one.rows;
                sum.3 += one.bytes;
                sum.4 += one.seconds;
            }
            None => sums.push((one.what, 1, one.rows, one.bytes, one.seconds)),
        }
    }
    for (what, times, rows, bytes, seconds) in sums {
        let times = if times == 1 { String::new() } else { format!(" ({times} questions)") };
        let (rows, bytes) = (grouped(rows as u64), grouped(bytes));
        let _ = writeln!(out, "  {rows:>8}  {bytes:>11}  {seconds:>7.3}  {what}{times}");
    }
}

fn looked_at(fleet: &Fleet, span: &str) -> String {
    let mut text = format!(
        "Looked at: {} series of {} in {span}; the floor of {} rises",
        grouped(fleet.series),
        counted(fleet.hosts as u64, "host"),
        grouped(fleet.candidates as u64)
    );
    if fleet.left_out > 0 {
        let _ = write!(text, ", {} of them not judged (--most)", grouped(fleet.left_out as u64));
    }
    text.push('\n');
    if fleet.less_sure > 0 {
        let rows = counted(fleet.less_sure as u64, "row");
        let _ =
            writeln!(text, "Less sure, or small and on one host alone: {rows} (--least possible lists them)");
    }
    if fleet.young > 0 {
        let hosts = counted(fleet.young as u64, "host");
        let why = if fleet.exporters.contains(RECORDINGS) {
            "with too little data (poolmon leaks on such a folder reports how much more it needs)"
        } else {
            "without points from the beginning of that time; a shorter --over judges them"
        };
        let _ = writeln!(text, "Not judged: {hosts} {why}");
    }
    text
}

fn write_finding(out: &mut String, finding: &Finding) {
    let surest = finding.on.iter().map(|on| on.level).max();
    let leaks = match surest {
        Some(Level::Leak) => "leaks",
        Some(Level::Likely) => "likely leaks",
        _ => "possibly leaks",
    };
    let _ = write!(
        out,
        "{} ({}) {leaks} on {} of {}",
        printable(&finding.tag),
        finding.pool.long(),
        grouped(finding.on.len() as u64),
        counted(finding.hosts as u64, "host")
    );
    out.push_str(&match &finding.contrast {
        Some(contrast) => with_versions(contrast),
        None => with_driver(finding),
    });
    out.push('\n');
    let mut rates: Vec<f64> = finding.on.iter().map(|on| on.bytes_per_hour).collect();
    rates.sort_by(f64::total_cmp);
    if let [first, .., last] = rates[..] {
        let middle = rates[rates.len() / 2];
        let [first, last, middle] = [first, last, middle].map(human_amount);
        let _ = writeln!(out, "  {middle}/h on half of them or more, {first}/h to {last}/h");
    }
    for on in finding.on.iter().take(NAMED) {
        let _ = write!(out, "  {:<32} {:>10}/h", printable(&on.host), human_amount(on.bytes_per_hour));
        if let Some(held) = on.held {
            let _ = write!(out, ", holds {}", human_amount(held));
        }
        let _ = writeln!(out, "  {}", on.level.id());
    }
    if finding.on.len() > NAMED {
        let _ = writeln!(out, "  and {} more", grouped((finding.on.len() - NAMED) as u64));
    }
    if let Some(by_uptime) = &finding.by_uptime {
        write_uptime(out, by_uptime);
    }
    out.push('\n');
}

/// `, all with example.sys 1.2.3; none of 98 with 1.2.4 (p < 0.001)`.
fn with_versions(contrast: &Contrast) -> String {
    let Some((first, rest)) = contrast.versions.split_first() else { return String::new() };
    let elsewhere: usize = rest.iter().map(|version| version.leaking).sum();
    let others: usize = rest.iter().map(|version| version.hosts).sum();
    let name = printable(&first.name);
    let others_name = match rest {
        [only] => printable(&only.name),
        _ => format!("{} other versions", rest.len()),
    };
    let p = if contrast.p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {:.3}", contrast.p) };
    if elsewhere == 0 {
        format!(", all with {name}; none of {} with {others_name} ({p})", grouped(others as u64))
    } else {
        format!(
            ": {} of {} with {name}, {} of {} with {others_name} ({p})",
            grouped(first.leaking as u64),
            grouped(first.hosts as u64),
            grouped(elsewhere as u64),
            grouped(others as u64)
        )
    }
}

/// The driver, if all have the same.
fn with_driver(finding: &Finding) -> String {
    let mut drivers = finding.on.iter().map(|on| on.driver.as_deref());
    match drivers.next().flatten() {
        Some(first) if drivers.all(|driver| driver == Some(first)) => format!(", with {}", printable(first)),
        _ => String::new(),
    }
}

fn write_uptime(out: &mut String, by_uptime: &ByUptime) {
    let _ = writeln!(out, "  {:<12} {:>6}  {:>10}  {:>10}", "up for", "hosts", "median", "most");
    let classes = &by_uptime.classes;
    for class in classes {
        let from = if class.from_days < 1.0 {
            "under 1 d".to_owned()
        } else {
            format!("from {:.0} d", class.from_days)
        };
        let [median, most] = [class.median_bytes, class.most_bytes].map(human_amount);
        let _ = writeln!(out, "  {from:<12} {:>6}  {median:>10}  {most:>10}", class.hosts);
    }
    if let Some((slope, low, high)) = by_uptime.bytes_per_day.filter(|(_, low, _)| *low > 0.0) {
        let [slope, low, high] = [slope, low, high].map(human_amount);
        let _ = writeln!(out, "  from host to host {slope} more for each day of uptime ({low} to {high})");
    }
}

/// Text of strangers, for a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
