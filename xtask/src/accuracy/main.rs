//! How often verdicts are right, on hosts simulated from mechanisms (`poolmon_synth::mechanisms`): what `cargo xtask accuracy`
//! runs.
//!
//! Each host is simulated once. Its samples go to the judge (`judge.rs`: the one place that knows the verdicts' types) and
//! into a matrix for the methods that people use without a judge (`baselines.rs`). `score.rs` compares their lines with the
//! truth, `tally.rs` adds up over hosts, and `text.rs`, `json.rs` and `diagram.rs` write it out. `real.rs` judges the memory of
//! real machines instead.
#![forbid(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places in lists are small and never negative"
)]

mod baselines;
mod diagram;
mod json;
mod judge;
mod real;
mod score;
mod series;
mod tally;
mod text;

use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use poolmon_synth::mechanisms::{HeldOut, Host, Seed, Set, Tuning, Validation};
use tally::Tally;

const HELP: &str = "\
cargo xtask accuracy [OPTIONS]
  --set tuning|validation|held-out   which hosts (default validation); of held-out ones only totals are printed
  --hosts N                          how many (default 500)
  --first N                          position of the first one in its set (default 0)
  --cases                            print each wrong line and each missed leak
  --json FILE                        write the figures as JSON
  --svg FILE                         write the reliability diagram, if verdicts have a confidence

cargo xtask accuracy real [FILE] [--memory GIB]
  judges the percentages of memory that real machines used (CSV: minute,MACHINE,…), without and with a leak that is added;
  default ../shared/inputs/series/real-load-a.csv.gz, on machines of 64 GiB";

#[derive(Clone, Debug, PartialEq)]
struct Options {
    set: String,
    hosts: u64,
    first: u64,
    cases: bool,
    json: Option<String>,
    svg: Option<String>,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done =
        if args.first().is_some_and(|arg| arg == "real") { real(&args[1..]) } else { simulated(&args) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn real(args: &[String]) -> Result<(), String> {
    let mut file = "../shared/inputs/series/real-load-a.csv.gz";
    let mut memory = real::MEMORY_GIB;
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--memory" => {
                let value = args.next().and_then(|text| text.parse().ok());
                memory =
                    value.filter(|gib| *gib > 0.0).ok_or_else(|| format!("--memory needs GiB\n{HELP}"))?;
            }
            option if option.starts_with('-') => return Err(HELP.into()),
            path => file = path,
        }
    }
    println!("{}", real::document(&real::Load::read(file)?, memory));
    Ok(())
}

fn simulated(args: &[String]) -> Result<(), String> {
    options(args).and_then(|options| match options.set.as_str() {
        "tuning" => run::<Tuning>(&options),
        "validation" => run::<Validation>(&options),
        "held-out" if options.cases => {
            Err("hosts of the held-out set are not looked at: leave out --cases".into())
        }
        "held-out" => run::<HeldOut>(&options),
        _ => Err(HELP.into()),
    })
}

fn options(args: &[String]) -> Result<Options, String> {
    let mut options =
        Options { set: "validation".into(), hosts: 500, first: 0, cases: false, json: None, svg: None };
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().cloned().ok_or_else(|| format!("{arg} needs a value\n{HELP}"));
        let number = |text: String| text.parse().map_err(|_| format!("{text} is not a number\n{HELP}"));
        match arg.as_str() {
            "--set" => options.set = value()?,
            "--hosts" => options.hosts = number(value()?)?,
            "--first" => options.first = number(value()?)?,
            "--json" => options.json = Some(value()?),
            "--svg" => options.svg = Some(value()?),
            "--cases" => options.cases = true,
            _ => return Err(HELP.into()),
        }
    }
    Ok(options)
}

/// Judges the hosts of one set and prints the totals.
fn run<S: Set>(options: &Options) -> Result<(), String> {
    let start = Instant::now();
    let mut tally = Tally::default();
    for position in options.first..options.first + options.hosts {
        let scored = score::host(Host::new(Seed::<S>::nth(position)));
        if options.cases {
            for case in &scored.cases {
                println!("{} {position} ({}): {case}", S::NAME, scored.length.name());
            }
        }
        tally.add(scored);
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{}", text::document(S::NAME, options.first, &tally, seconds));
    let write = |file: &str, text: String| fs::write(file, text).map_err(|error| format!("{file}: {error}"));
    if let Some(file) = &options.json {
        write(file, json::document(S::NAME, options.first, &tally, seconds))?;
    }
    match (&options.svg, diagram::draw(&tally.reliability)) {
        (None, _) => Ok(()),
        (Some(file), Some(svg)) => write(file, svg),
        (Some(_), None) => Err("no diagram: the verdicts have no confidence".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host of each length, through the judge and all methods into both documents.
    #[test]
    fn five_hosts_make_a_document() {
        let mut tally = Tally::default();
        for seed in Seed::<Tuning>::first(5) {
            tally.add(score::host(Host::new(seed)));
        }
        assert_eq!((tally.all.hosts, tally.lengths.len()), (5, 5));
        let wanted: usize = tally.mechanisms.values().map(|sums| sums.recall[0].of).sum();
        assert_eq!(tally.all.in_first.of, wanted);
        let text = text::document("tuning", 0, &tally, 1.0);
        assert!(text.lines().any(|line| line.starts_with("| 14 d | 1 |")), "{text}");
        let columns = |line: &str| line.matches('|').count();
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        let head = lines.windows(2).filter(|pair| pair[1].starts_with("|---"));
        assert!(head.clone().count() >= 5);
        assert!(head.into_iter().all(|pair| columns(pair[0]) == columns(pair[1])), "{text}");
        let json: serde_json::Value =
            serde_json::from_str(&json::document("tuning", 0, &tally, 1.0)).unwrap();
        assert_eq!(json["all"]["in_first"]["of"], wanted);
    }

    #[test]
    fn options_are_read() {
        let read = |line: &str| options(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let read_all = read("--set tuning --hosts 7 --first 2 --cases --svg a.svg").unwrap();
        assert_eq!((read_all.set.as_str(), read_all.hosts, read_all.first), ("tuning", 7, 2));
        assert!(read_all.cases && read_all.svg.as_deref() == Some("a.svg") && read_all.json.is_none());
        assert!(read("--hosts many").is_err() && read("--set").is_err() && read("--shapes").is_err());
    }
}
