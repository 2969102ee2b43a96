//! "A steady leak of R or more would have been suspected in 9 of 10 tags": hosts without a suspect are run again with such leaks.

#![allow(
    missing_docs,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test with small numbers"
)]

use poolmon_leak::{Analysis, AnalysisConfig, Report};
use poolmon_model::{CounterWidth, Counters, Key, Origin, Pool, Row, Sample, SourceKind, Tag};
use poolmon_synth::mechanisms::{Host, Seed, Validation};

/// Rows of each host that get a leak, one after the other.
const LEAKING: usize = 4;

fn judged(seed: Seed<Validation>, mut change: impl FnMut(&mut Sample)) -> Report {
    let mut analysis = Analysis::new(AnalysisConfig::default());
    Host::new(seed).run(|sample| {
        let mut sample = sample.clone();
        change(&mut sample);
        analysis.push(&sample);
    });
    analysis.report()
}

/// The host again, with a leak of `rate` bytes an hour in one row; whether that row is a suspect.
fn is_found(seed: Seed<Validation>, row: &Key, rate: f64) -> bool {
    let mut start = None;
    let report = judged(seed, |sample| {
        let Some(time) = sample.time else { return };
        let start = *start.get_or_insert(time);
        let hours = (time.as_second() - start.as_second()) as f64 / 3600.0;
        let width = sample.width;
        let Some(row) = sample.rows.iter_mut().find(|it| it.tag == row.tag && it.pool == row.pool) else {
            return;
        };
        let counters = &mut row.counters;
        let outstanding = counters.diff(width).filter(|count| *count > 0);
        let each = match (counters.bytes, outstanding) {
            (Some(bytes), Some(count)) if bytes > 0 => (bytes as f64 / count as f64).max(1.0),
            _ => 256.0,
        };
        let lost = (rate * hours / each).floor();
        counters.bytes = counters.bytes.map(|bytes| bytes + (lost * each) as u64);
        counters.allocs = counters.allocs.map(|allocs| allocs + lost as u64);
        counters.reported_diff = counters.reported_diff.map(|objects| objects + lost as i64);
    });
    report.verdict(row).is_some_and(|verdict| verdict.level.is_some())
}

#[test]
fn a_leak_of_the_stated_size_is_found_and_a_far_smaller_one_is_not() {
    let (mut tried, mut found, mut found_small) = (0, 0, 0);
    for (number, seed) in Seed::<Validation>::first(40).enumerate() {
        let mut rows = Vec::new();
        let mut samples = 0_u64;
        let report = judged(seed, |sample| {
            samples += 1;
            rows = sample.rows.iter().map(|row| Key { tag: row.tag.clone(), pool: row.pool }).collect();
        });
        let Some(rate) = report.power.and_then(|power| power.per_hour) else { continue };
        // Long ones take a long time.
        if samples * rows.len() as u64 > 800_000 {
            continue;
        }
        for at in 0..LEAKING {
            let row = &rows[(number * 7919 + at * rows.len() / LEAKING) % rows.len()];
            tried += 1;
            found += usize::from(is_found(seed, row, 2.0 * rate));
            found_small += usize::from(is_found(seed, row, rate / 8.0));
        }
    }
    println!("{found} of {tried} found at twice the rate, {found_small} at an eighth of it");
    assert!(tried >= 40, "{tried}");
    assert!(found * 10 >= tried * 8, "{found} of {tried}");
    assert!(found_small * 2 <= tried, "{found_small} of {tried}: the stated rate is far too large");
}

fn two_samples(growth: u64) -> Report {
    let mut analysis = Analysis::new(AnalysisConfig::default());
    for n in 0..2 {
        let mut sample =
            Sample::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged]).into(), CounterWidth::Bits64);
        sample.time = jiff::Timestamp::from_second(1_800_000_000 + n * 10).ok();
        for tag in [*b"Tst1", *b"Tst2", *b"Tst3"] {
            let n = n.cast_unsigned();
            let counters = Counters {
                allocs: Some(5000 + n * 50),
                frees: Some(4000 + n * (50 - growth)),
                bytes: Some((1000 + n * growth) * 128),
                ..Counters::default()
            };
            sample.rows.push(Row {
                tag: Tag::pool(tag),
                pool: Pool::Nonpaged,
                counters,
                reported_owner: None,
            });
        }
        analysis.push(&sample);
    }
    analysis.report()
}

#[test]
fn it_is_stated_only_where_nothing_is_suspected() {
    let mut leaks = Analysis::new(AnalysisConfig::default());
    for n in 0..400_u64 {
        let mut sample =
            Sample::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged]).into(), CounterWidth::Bits64);
        sample.time = jiff::Timestamp::from_second(1_800_000_000 + (n * 60).cast_signed()).ok();
        let counters = Counters {
            allocs: Some(1000 + n * 100),
            frees: Some(0),
            bytes: Some((1000 + n * 100) * 1024),
            ..Counters::default()
        };
        let tag = Tag::pool(*b"Leak");
        sample.rows.push(Row { tag, pool: Pool::Nonpaged, counters, reported_owner: None });
        leaks.push(&sample);
    }
    assert_eq!(leaks.report().power, None);
    assert_eq!(Analysis::new(AnalysisConfig::default()).report().power, None, "no rows");
    let power = two_samples(0).power.expect("there are rows");
    println!("{power:?}");
}
