//! `poolmon doctor --self-test`: every live call on this machine, compared with sources that do not depend on it, and what it costs.
//!
//! What comes of it can be attached to an issue: names of tags and caches, figures, the system's build. No host, no user, no path, no boot.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use poolmon_model::units::human_bytes;
use poolmon_model::{CounterWidth, Sample};

use super::{Check, CheckResult};
use crate::Source;

/// Samples that are taken …
const SAMPLES: u32 = 5;
/// … and the time between them.
const PAUSE: Duration = Duration::from_millis(200);

/// What was found, and the files that show it: name and text.
#[derive(Clone, Debug, Default)]
pub struct SelfTest {
    /// The checks, those of `poolmon doctor` first.
    pub checks: Vec<Check>,
    /// What can be sent: the checks, and the first and last sample.
    pub files: Vec<(String, Vec<u8>)>,
}

/// Samples for a second and compares.
pub fn self_test(source: &mut dyn Source) -> SelfTest {
    let mut samples: Vec<(Instant, Sample)> = Vec::new();
    let mut costs = Vec::new();
    let mut failed = Vec::new();
    for n in 0..SAMPLES {
        if n > 0 {
            std::thread::sleep(PAUSE);
        }
        let began = Instant::now();
        match source.sample() {
            Ok(sample) => {
                costs.push(began.elapsed());
                samples.push((began, sample));
            }
            Err(error) => failed.push(error.to_string()),
        }
    }
    let mut checks = super::checks();
    let taken: Vec<&Sample> = samples.iter().map(|(_, sample)| sample).collect();
    checks.push(taking(&costs, &failed));
    if let (Some((_, first)), Some((_, last))) = (samples.first(), samples.last()) {
        checks.push(twice(last));
        checks.push(backwards(&taken));
        checks.push(contradictions(&taken));
        checks.extend(totals(&taken));
        checks.push(clock(&samples));
        #[cfg(windows)]
        checks.extend(super::system::crossed());
        let largest = last.rows.iter().max_by_key(|row| row.counters.bytes);
        if let Some(row) = largest {
            let began = Instant::now();
            let facts = source.facts(&row.tag, row.pool).len();
            let found = format!("{facts} of the largest row, in {}", milliseconds(began.elapsed()));
            checks.push(Check::new(CheckResult::Good, "self-test: details", found));
        }
        let mut files = vec![("first.csv".to_owned(), rows(first)), ("last.csv".to_owned(), rows(last))];
        files.insert(0, ("checks.txt".to_owned(), text(&checks, last)));
        return SelfTest { checks, files };
    }
    let empty = Sample::new(source.origin().clone(), CounterWidth::default());
    let files = vec![("checks.txt".to_owned(), text(&checks, &empty))];
    SelfTest { checks, files }
}

fn taking(costs: &[Duration], failed: &[String]) -> Check {
    let what = "self-test: samples";
    let mut sorted = costs.to_vec();
    sorted.sort();
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
    let (min, max) =
        (sorted.first().copied().unwrap_or_default(), sorted.last().copied().unwrap_or_default());
    match failed.first() {
        Some(error) => {
            Check::new(CheckResult::Bad, what, format!("{} of {SAMPLES} failed: {error}", failed.len()))
        }
        None => Check::new(
            CheckResult::Good,
            what,
            format!(
                "{} taken, each in {} to {}, median {}",
                costs.len(),
                milliseconds(min),
                milliseconds(max),
                milliseconds(median)
            ),
        ),
    }
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1e3)
}

/// Whether a row is there twice.
fn twice(sample: &Sample) -> Check {
    let mut keys: Vec<_> = sample.rows.iter().map(|row| (&row.tag, row.pool)).collect();
    let all = keys.len();
    keys.sort();
    keys.dedup();
    let (state, found) = match all - keys.len() {
        0 if all == 0 => (CheckResult::Bad, "there are none".to_owned()),
        0 => (CheckResult::Good, format!("{all}, each once")),
        double => (CheckResult::Bad, format!("{all}, {double} of them more than once")),
    };
    Check::new(state, "self-test: rows", found)
}

/// Allocations since boot never become fewer.
fn backwards(samples: &[&Sample]) -> Check {
    let mut wrong = 0;
    for pair in samples.windows(2) {
        let [before, after] = pair else { continue };
        let known: std::collections::BTreeMap<_, _> =
            before.rows.iter().map(|row| ((&row.tag, row.pool), row.counters.allocs)).collect();
        for row in &after.rows {
            let Some((Some(before), after)) =
                known.get(&(&row.tag, row.pool)).copied().map(|before| (before, row.counters.allocs))
            else {
                continue;
            };
            // A counter of 32 bits that begins again at 0 moves by nearly all of its range.
            let wraps = samples.first().is_some_and(|sample| sample.width == CounterWidth::Bits32)
                && after.is_some_and(|after| before.saturating_sub(after) > 1 << 31);
            wrong += usize::from(after.is_some_and(|after| after < before) && !wraps);
        }
    }
    let what = "self-test: counters";
    match wrong {
        0 => Check::new(CheckResult::Good, what, "allocations of no row became fewer"),
        _ => Check::new(CheckResult::Bad, what, format!("allocations became fewer in {wrong} rows")),
    }
}

fn contradictions(samples: &[&Sample]) -> Check {
    let most = samples.iter().map(|sample| sample.disagreeing).max().unwrap_or(0);
    let what = "self-test: figures of a row";
    match most {
        0 => Check::new(CheckResult::Good, what, "agree with each other"),
        _ => Check::new(CheckResult::Note, what, format!("contradict each other in {most} rows")),
    }
}

/// Rows against the totals, which the kernel counts elsewhere.
fn totals(samples: &[&Sample]) -> Vec<Check> {
    let Some(last) = samples.last() else { return Vec::new() };
    let check = |&pool| {
        let sums = samples.iter().filter_map(|sample| {
            let rows = sample.tagged_bytes(pool);
            sample.header.pool_total(pool).filter(|&total| total > 0).map(|total| (rows, total))
        });
        let share = |(rows, total): (u64, u64)| rows as f64 / total as f64;
        let all: Vec<_> = sums.collect();
        let (rows, total) = *all.last()?;
        let shares: Vec<f64> = all.iter().map(|&sum| share(sum)).collect();
        let lowest = shares.iter().copied().fold(f64::INFINITY, f64::min);
        let what = format!("self-test: {} rows and total", pool.id());
        let found = format!(
            "{} of {} ({:.1} %)",
            human_bytes(rows),
            human_bytes(total),
            100.0 * share((rows, total))
        );
        // The two are read one after the other: what one sample alone shows may be the moment between them.
        let state = if lowest > 1.02 { CheckResult::Bad } else { CheckResult::Good };
        let found = if lowest > 1.02 { format!("{found}: rows hold more than there is") } else { found };
        Some(Check::new(state, &what, found))
    };
    last.origin.pools.iter().filter_map(check).collect()
}

/// The uptime against the clock of this program, which counts on its own.
fn clock(samples: &[(Instant, Sample)]) -> Check {
    let what = "self-test: uptime";
    let known = samples.first().zip(samples.last());
    let both = known.and_then(|((began, first), (ended, last))| {
        Some((*ended - *began, last.uptime?.checked_sub(first.uptime?)?))
    });
    match both {
        Some((own, system)) if own.abs_diff(system) <= Duration::from_millis(100) => {
            let found = format!("agrees with this program's clock to {}", milliseconds(own.abs_diff(system)));
            Check::new(CheckResult::Good, what, found)
        }
        Some((own, system)) => Check::new(
            CheckResult::Note,
            what,
            format!("went on by {}, this program's clock by {}", milliseconds(system), milliseconds(own)),
        ),
        None => Check::new(CheckResult::Note, what, "unknown, or it went back"),
    }
}

/// The checks as text, with what they were made on.
fn text(checks: &[Check], sample: &Sample) -> Vec<u8> {
    let mut text = format!(
        "poolmon {} self-test\nsystem {}\n",
        env!("CARGO_PKG_VERSION"),
        sample.origin.system.as_deref().unwrap_or("unknown")
    );
    for check in checks {
        let _ = writeln!(text, "{:?}\t{}\t{}", check.state, check.what, check.found);
    }
    text.into_bytes()
}

/// The rows, as a table that poolmon reads.
fn rows(sample: &Sample) -> Vec<u8> {
    let mut text = "tag,pool,allocs,frees,bytes\n".to_owned();
    for row in &sample.rows {
        let number = |value: Option<u64>| value.map_or_else(String::new, |value| value.to_string());
        let tag = row.tag.to_string().replace('"', "\"\"");
        let counters = &row.counters;
        let _ = writeln!(
            text,
            "\"{tag}\",{},{},{},{}",
            row.pool.id(),
            number(counters.allocs),
            number(counters.frees),
            number(counters.bytes)
        );
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolmon_model::{Origin, Pool, Row, SourceKind, Tag};
    use std::sync::Arc;

    struct Fake {
        origin: Arc<Origin>,
        calls: u64,
        fault: &'static str,
    }

    impl Source for Fake {
        fn origin(&self) -> &Arc<Origin> {
            &self.origin
        }

        fn sample_into(&mut self, sample: &mut Sample) -> crate::Result<()> {
            self.calls += 1;
            *sample = Sample::new(Arc::clone(&self.origin), CounterWidth::Bits64);
            let allocs = if self.fault == "backwards" { 100 - self.calls } else { 100 + self.calls };
            let row = Row::windows(Tag::pool(*b"Leak"), Pool::Nonpaged, allocs, 1, 4096);
            sample.rows.push(row.clone());
            if self.fault == "twice" {
                sample.rows.push(row);
            }
            let total = if self.fault == "total" { 1000 } else { 9000 };
            sample.header.pool_nonpaged = Some(total);
            sample.remarks.push("read C:\\Users\\mary\\pooltag.txt".into());
            Ok(())
        }
    }

    fn run(fault: &'static str) -> SelfTest {
        let mut origin = Origin::new(SourceKind::Windows, &[Pool::Nonpaged]);
        origin.host = Some("MARYS-LAPTOP".into());
        origin.system = Some("Windows 10.0.26100".into());
        origin.boot = Some("b00t".into());
        self_test(&mut Fake { origin: Arc::new(origin), calls: 0, fault })
    }

    fn state(test: &SelfTest, what: &str) -> CheckResult {
        test.checks.iter().find(|check| check.what.contains(what)).unwrap().state
    }

    #[test]
    fn each_fault_is_found_by_its_own_check() {
        let whats = ["self-test: counters", "self-test: rows", "rows and total"];
        for (fault, bad) in [("", ""), ("backwards", whats[0]), ("twice", whats[1]), ("total", whats[2])] {
            let test = run(fault);
            for what in whats {
                let expected = if what == bad { CheckResult::Bad } else { CheckResult::Good };
                assert_eq!(state(&test, what), expected, "{fault}: {what}");
            }
        }
    }

    #[test]
    fn what_is_sent_names_no_one() {
        let test = run("");
        let names: Vec<_> = test.files.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["checks.txt", "first.csv", "last.csv"]);
        let all: Vec<u8> = test.files.into_iter().flat_map(|(_, bytes)| bytes).collect();
        let all = String::from_utf8(all).unwrap();
        assert!(all.contains("Windows 10.0.26100") && all.contains("\"Leak\",nonpaged,101,1,4096"), "{all}");
        for private in ["MARY", "mary", "b00t", "Users"] {
            assert!(!all.contains(private), "{private}");
        }
    }
}
