//! `poolmon leaks`: which tags leak, how fast, how sure, until when.
//!
//! * here: arguments, samples into the analysis; * `text.rs`: the answer for a person; * `records.rs`: as JSON and CSV.

mod records;
mod text;

use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pool_leak::{Analysis, Config, Kind as Verdicted, OwnerHint, Report};
use pool_model::{Counters, Filter, Labeler as _, Pattern, Pool, PoolView, Row, Sample, Tag};
use pool_store::Cursor;

use super::record::stop::Stop;
use crate::input::kind::{self, Kind};
use crate::input::moment::{self, When};
use crate::input::series::Series;
use crate::owners::{self, Known};
use crate::quantity::spoken;
use crate::{Exit, args, input, quantity};

/// Options of `leaks`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER)]
pub struct LeaksArgs {
    /// A recording, a log of several snapshots, a folder of logs, two or more snapshots, Perfmon's CSV beside them; this
    /// machine, watched for a while, if absent
    pub sources: Vec<PathBuf>,
    /// Without a source: watch this machine for so long (10m, 2h); Ctrl-C judges what there is by then
    #[arg(long = "for", value_name = "TIME", value_parser = quantity::span, default_value = "10m", conflicts_with = "sources")]
    pub length: Duration,
    /// Without a source: time between two samples (100ms to 1h)
    #[arg(long, value_name = "TIME", value_parser = args::interval, default_value = "1s", conflicts_with = "sources")]
    pub interval: Duration,
    /// Nothing before this moment: `2026-11-22 14:00`, `14:05`, `-2h` (before the end), `+10m` (after the start)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, requires = "sources")]
    pub from: Option<String>,
    /// Nothing after this moment
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, requires = "sources")]
    pub to: Option<String>,
    /// Which pools are told: one of them, slab (both kinds), or all [default: all]
    #[arg(long, value_name = "POOL", value_parser = args::pool())]
    pub pool: Option<PoolView>,
    /// Tell only of tags that match (* any characters, ? one; case counts); repeatable
    #[arg(long, value_name = "TAG")]
    pub include: Vec<String>,
    /// Tell of no tags that match; repeatable
    #[arg(long, value_name = "TAG")]
    pub exclude: Vec<String>,
    /// Tell of every tag, steady ones too
    #[arg(long)]
    pub all: bool,
    /// At most this many tags of each kind
    #[arg(long, value_name = "N", default_value = "20")]
    pub limit: usize,
    /// How the answer is written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: LeaksFormat,
    /// End with exit code 3 where something leaks, or at least grows
    #[arg(long, value_name = "WHAT")]
    pub fail_on: Option<FailOn>,
    /// Drivers from a pooltag.txt
    #[arg(long, value_name = "FILE")]
    pub pooltag: Option<PathBuf>,
}

const AFTER: &str = "\
A verdict rests on all samples, not on two: the trend's slope and its interval, whether it stands out of the tag's own
noise, the machine's load and the time of day, whether it slows down as a cache does, and how many tags were tested.

Exit codes: 0 done; 1 failed; 2 wrong arguments; 3 what --fail-on asks for was found.";

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LeaksFormat {
    /// For a person
    #[value(alias = "table")]
    Text,
    /// One JSON object with every figure behind the verdicts
    Json,
    /// Comma-separated values, a line for each tag
    Csv,
}

/// `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Something leaks
    Leak,
    /// Something leaks or grows
    Growing,
}

/// What was judged.
pub struct Judged {
    /// Name for headlines.
    pub source: String,
    /// Host and system, where told.
    pub host: Option<String>,
    /// System and build, where told.
    pub system: Option<String>,
    /// First and last sample.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The verdicts.
    pub report: Report,
    /// How much longer samples are needed before anything can be said.
    pub needs: Option<Duration>,
    /// What Perfmon's figures say of the pools, where there were any.
    pub perfmon: Option<Report>,
}

/// Judges, and tells.
pub fn run(args: &LeaksArgs) -> anyhow::Result<()> {
    let owners = owners::load_files(args.pooltag.as_deref().map(Some), None)?;
    let judged = if args.sources.is_empty() { live(args, &owners)? } else { files(args, &owners)? };
    let filter = Filter {
        view: args.pool.unwrap_or_default(),
        include: args.include.iter().map(|text| Pattern::new(text)).collect(),
        exclude: args.exclude.iter().map(|text| Pattern::new(text)).collect(),
        ..Filter::default()
    };
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        LeaksFormat::Text => text::write(&mut out, &judged, &filter, args, &TimeZone::system())?,
        LeaksFormat::Json => records::json(&mut out, &judged, &filter, args.all)?,
        LeaksFormat::Csv => records::csv(&mut out, &judged, &filter, args.all)?,
    }
    out.flush()?;
    let found = |kinds: &[Verdicted]| {
        judged
            .report
            .verdicts
            .iter()
            .any(|verdict| kinds.contains(&verdict.kind) && filter.admits_tag(&verdict.tag, verdict.pool))
    };
    let fails = match args.fail_on {
        None => false,
        Some(FailOn::Leak) => found(&[Verdicted::Leaking]),
        Some(FailOn::Growing) => found(&[Verdicted::Leaking, Verdicted::Growing]),
    };
    if fails { Err(Exit(3).into()) } else { Ok(()) }
}

/// What pooltag files, the built-in table and the index of searched drivers say of a tag.
pub fn hint(owners: &Known) -> impl Fn(&Tag, Pool) -> Option<OwnerHint> + '_ {
    |tag, pool| {
        let row = Row { tag: tag.clone(), pool, counters: Counters::default(), told_owner: None };
        let driver = owners.label(&row)?.driver.clone()?;
        Some(OwnerHint { driver, third_party: false })
    }
}

fn live(args: &LeaksArgs, owners: &Known) -> anyhow::Result<Judged> {
    let mut source = input::live(args.pool.unwrap_or_default())?;
    let stop = Stop::on_signals()?;
    // Who asks for less than the usual five minutes gets an answer all the same, from what there is.
    let usual = Config::default();
    let least_hours = usual.least_hours.min(args.length.as_secs_f64() / 3600.0 * 0.8);
    let mut analysis = Analysis::new(Config { least_hours, ..usual });
    let mut sample = source.sample()?;
    input::tell_remarks(&sample);
    let first = sample.time;
    let progress = io::stderr().is_terminal();
    let start = Instant::now();
    let mut due = start;
    let mut failed = 0_u64;
    analysis.push(&sample);
    loop {
        due = (due + args.interval).max(Instant::now());
        if due > start + args.length || stop.wait_until(due) {
            break;
        }
        match source.sample_into(&mut sample) {
            Ok(()) => analysis.push(&sample),
            Err(error) => {
                failed += 1;
                if failed == 1 {
                    eprintln!("poolmon: no sample: {error}; trying on");
                }
            }
        }
        if progress {
            let left = args.length.saturating_sub(start.elapsed());
            eprint!("\r{} samples, {} to go (Ctrl-C judges now)    ", analysis.samples(), spoken(left));
        }
    }
    if progress {
        eprint!("\r{:60}\r", "");
    }
    stop.done();
    let origin = source.origin();
    let span = first.zip(sample.time);
    Ok(judged(
        "this machine".into(),
        origin.host.clone(),
        origin.system.clone(),
        span,
        &analysis,
        owners,
        None,
    ))
}

fn judged(
    source: String,
    host: Option<String>,
    system: Option<String>,
    span: Option<(Timestamp, Timestamp)>,
    analysis: &Analysis,
    owners: &Known,
    perfmon: Option<Report>,
) -> Judged {
    let report = analysis.report_with(&hint(owners));
    Judged { source, host, system, span, needs: analysis.needs(), report, perfmon }
}

fn files(args: &LeaksArgs, owners: &Known) -> anyhow::Result<Judged> {
    let mut rows = Vec::new();
    let mut perfmon = Vec::new();
    for path in &args.sources {
        let list = if kind::of(path)? == Kind::Perfmon { &mut perfmon } else { &mut rows };
        list.push(path.clone());
    }
    let figures = if perfmon.is_empty() { None } else { Some(series(&perfmon, args)?.1.report()) };
    if rows.is_empty() {
        rows = perfmon;
    }
    let (seen, analysis) = series(&rows, args)?;
    Ok(judged(seen.source, seen.host, seen.system, seen.span, &analysis, owners, figures))
}

/// What a series told of itself.
struct Seen {
    source: String,
    host: Option<String>,
    system: Option<String>,
    span: Option<(Timestamp, Timestamp)>,
}

fn series(paths: &[PathBuf], args: &LeaksArgs) -> anyhow::Result<(Seen, Analysis)> {
    let mut series = Series::open(paths)?;
    for remark in series.take_remarks() {
        eprintln!("poolmon: {remark}");
    }
    let (from, to) = range(&mut series, args)?;
    let mut analysis = Analysis::new(Config::default());
    let mut sample = Cursor::empty_sample();
    let mut seen = Seen { source: series.name().to_owned(), host: None, system: None, span: None };
    let mut remarked: Vec<String> = Vec::new();
    while series.next_into(&mut sample)? {
        let time = sample.time;
        if time.is_some_and(|time| from.is_some_and(|from| time < from)) {
            continue;
        }
        if time.is_some_and(|time| to.is_some_and(|to| time > to)) {
            break;
        }
        analysis.push(&sample);
        if let Some(time) = time {
            seen.span = Some((seen.span.map_or(time, |span| span.0), time));
        }
        if seen.host.is_none() {
            seen.host.clone_from(&sample.origin.host);
        }
        if seen.system.is_none() {
            seen.system.clone_from(&sample.origin.system);
        }
        for remark in &sample.remarks {
            if remarked.len() < 20 && !remarked.contains(remark) {
                eprintln!("poolmon: {remark}");
                remarked.push(remark.clone());
            }
        }
    }
    anyhow::ensure!(
        analysis.samples() > 0,
        "{}: no samples between --from and --to\n  leave them out to judge everything",
        seen.source
    );
    Ok((seen, analysis))
}

/// `--from` and `--to` as moments; the series is read once where they are relative to its ends.
fn range(series: &mut Series, args: &LeaksArgs) -> anyhow::Result<(Option<Timestamp>, Option<Timestamp>)> {
    let zone = TimeZone::system();
    let parse = |text: &Option<String>| text.as_deref().map(|text| moment::parse(text, &zone)).transpose();
    let (from, to) = (parse(&args.from)?, parse(&args.to)?);
    let relative = |when: &Option<When>| when.is_some_and(|when| !matches!(when, When::At(_)));
    let (mut first, mut last) = (Timestamp::MIN, Timestamp::MAX);
    if relative(&from) || relative(&to) {
        if let Some(recording) = series.recording()? {
            let info = recording.info()?;
            (first, last) = (info.first.unwrap_or(first), info.last.unwrap_or(last));
        } else {
            let mut sample: Sample = Cursor::empty_sample();
            let mut ends = None;
            while series.next_into(&mut sample)? {
                if let Some(time) = sample.time {
                    ends = Some((ends.map_or(time, |ends: (Timestamp, _)| ends.0), time));
                }
            }
            series.rewind();
            (first, last) = ends.unwrap_or((first, last));
        }
    }
    let at = |when: When| when.resolve(first, last, &zone);
    Ok((from.map(at), to.map(at)))
}
