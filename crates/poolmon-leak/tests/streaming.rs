//! What the series keep across gaps, wraps, reboots, late and absent tags, and clocks that stand still.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use poolmon_leak::{Analysis, AnalysisConfig, Level, OwnerHint, Report, VerdictKind};
use poolmon_model::{CounterWidth, Origin, Pool, Row, Sample, SourceKind, Tag};
use proptest::prelude::*;

const START: i64 = 1_772_409_600;

fn sample(second: i64, rows: &[(&[u8; 4], u64, u64, u64)]) -> Sample {
    let origin = Origin { boot: Some("one".into()), ..Origin::new(SourceKind::Simulated, &[Pool::Nonpaged]) };
    let mut sample = Sample::new(origin.into(), CounterWidth::Bits32);
    sample.time = Timestamp::from_second(START + second).ok();
    sample.rows = rows
        .iter()
        .map(|(tag, allocs, frees, bytes)| {
            Row::windows(Tag::pool(**tag), Pool::Nonpaged, *allocs, *frees, *bytes)
        })
        .collect();
    sample
}

fn of(report: &Report, tag: [u8; 4]) -> &poolmon_leak::Verdict {
    report.verdicts.iter().find(|verdict| verdict.tag == Tag::pool(tag)).expect("the tag is there")
}

#[test]
fn too_little_data_says_how_much_longer() {
    let mut analysis = Analysis::new(AnalysisConfig::default());
    for n in 0..5 {
        analysis.push(&sample(n * 60, &[(b"A   ", 100, 0, 6400)]));
    }
    let report = analysis.report();
    let verdict = of(&report, *b"A   ");
    assert_eq!(verdict.kind, VerdictKind::TooLittleData);
    let needs = verdict.needs_hours.expect("it says so");
    assert!((needs * 60.0 - 7.0).abs() < 0.01, "{needs}");
    assert_eq!(
        verdict.sentence(&TimeZone::UTC),
        "A (nonpaged): too little data; needs about 7 min more data"
    );
}

#[test]
fn of_too_few_samples_it_still_says_what_grew_most() {
    let mut analysis = Analysis::new(AnalysisConfig::default());
    for n in 0..6_u64 {
        let (jumped, crept) = (if n < 3 { 0 } else { 900 }, 2 * n);
        analysis.push(&sample(
            n.cast_signed() * 60,
            &[
                (b"Jump", 5000 + jumped, 0, (5000 + jumped) * 65_536),
                (b"Crep", 100 + crept, 0, (100 + crept) * 65_536),
                (b"Calm", 100, 0, 6400),
            ],
        ));
    }
    let report = analysis.report();
    let most = report.grew_most(|_| true);
    assert_eq!(most.iter().map(|row| row.tag.clone()).collect::<Vec<_>>(), [Tag::pool(*b"Jump")]);
    assert_eq!(
        most[0].sentence(&TimeZone::UTC),
        "Jump (nonpaged) grew by 56.2 MiB, in 1 of 5 intervals; needs about 6 min more data"
    );
    assert_eq!(report.grew_most(|row| row.tag != Tag::pool(*b"Jump")).len(), 0, "what is not asked for");
    let mut two = Analysis::new(AnalysisConfig::default());
    (0..2)
        .for_each(|n| two.push(&sample(n * 60, &[(b"Jump", 5000, 0, 65_536 * (5000 + n.cast_unsigned()))])));
    let sentence = two.report().grew_most(|_| true)[0].sentence(&TimeZone::UTC);
    assert!(
        sentence.starts_with("Jump (nonpaged) grew by 64.0 KiB from the first sample to the second;"),
        "{sentence}"
    );
    // A list that leaves rows out says nothing of its pool.
    let mut alone = report.clone();
    alone.pools.clear();
    assert_eq!(alone.grew_most(|_| true), most);
}

#[test]
fn ten_minutes_of_held_objects_are_a_leak_and_its_sentence_says_all() {
    let mut analysis = Analysis::new(AnalysisConfig::default());
    for n in 0..=600_u64 {
        let lost = 50 * n;
        let mut now = sample(
            n.cast_signed(),
            &[(b"Held", 1000 + lost + n, n, (1000 + lost) * 512), (b"Calm", 9000 + n, n, 9_000_000)],
        );
        now.header.commit = Some(1_000_000_000);
        now.header.commit_limit = Some(1_000_000_000 + 921_600_000);
        analysis.push(&now);
    }
    let owner = |tag: &Tag, _| {
        (*tag == Tag::pool(*b"Held")).then(|| OwnerHint { driver: "example.sys".into(), third_party: true })
    };
    let report = analysis.report_with(&owner, &|_, _| None);
    let held = of(&report, *b"Held");
    // Ten minutes are not enough to be certain.
    assert_eq!((held.kind, held.level), (VerdictKind::Suspected, Some(Level::Likely)), "{held:?}");
    assert!((held.bytes.per_hour / (50.0 * 512.0 * 3600.0) - 1.0).abs() < 1e-3);
    let said = held.sentence(&TimeZone::UTC);
    assert!(said.starts_with("Held (nonpaged) likely leaks 87.9 MiB/h ("), "{said}");
    let rest = " % sure), since before the first sample (2026-03-02 00:00); explains 100 % of nonpaged growth; \
        at this rate, the commit limit is reached in 10 h; used by example.sys";
    assert!(said.ends_with(rest), "{said}");
    assert_eq!(of(&report, *b"Calm").kind, VerdictKind::Steady);
    let json = serde_json::to_value(&report).expect("plain data");
    assert_eq!(json["verdicts"][0]["level"], "likely");
    assert_eq!(json["verdicts"][0]["tag"], "Held");
}

#[test]
fn samples_that_are_not_later_are_left_out_and_counted() {
    let mut analysis = Analysis::new(AnalysisConfig::default());
    for second in [0, 60, 60, 30, 120] {
        analysis.push(&sample(second, &[(b"A   ", 1, 0, 64)]));
    }
    let report = analysis.report();
    assert_eq!((report.samples, report.out_of_order), (3, 2));
}

#[test]
fn a_tag_that_is_absent_holds_nothing() {
    let mut analysis = Analysis::new(AnalysisConfig::default());
    for n in 0..40 {
        let rows: &[(&[u8; 4], u64, u64, u64)] =
            if n < 20 { &[(b"A   ", 9, 0, 900_000), (b"B   ", 1, 0, 64)] } else { &[(b"B   ", 1, 0, 64)] };
        analysis.push(&sample(n * 60, rows));
    }
    let report = analysis.report();
    assert!(of(&report, *b"A   ").held.abs() < 1.0);
    assert_ne!(of(&report, *b"A   ").kind, VerdictKind::Leaking);
}

#[test]
fn nothing_pushed_nothing_said() {
    let report = Analysis::new(AnalysisConfig::default()).report();
    assert!(report.verdicts.is_empty() && report.groups.is_empty() && report.pools.is_empty());
}

#[test]
fn the_live_screen_keeps_no_more_than_it_says() {
    let mut analysis = Analysis::new(AnalysisConfig::live());
    let most = |series: usize| {
        let each = size_of::<poolmon_leak::series::BucketSeries>();
        series * (each + AnalysisConfig::live().buckets * size_of::<poolmon_leak::series::Bucket>())
    };
    for n in 0..500_u64 {
        analysis.push(&sample(n.cast_signed(), &[(b"A   ", 100 + n, 0, 6400 * n), (b"B   ", 9, n % 7, 512)]));
        assert!(analysis.memory() <= most(3), "{} bytes after {n} samples", analysis.memory());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever comes in: no panic, as many verdicts as rows seen, bounded memory, finite numbers.
    #[test]
    fn anything_is_survived(
        steps in prop::collection::vec((0_i64..5000, prop::collection::vec((0_u8..6, any::<u32>(), any::<u32>(), any::<u64>()), 0..6)), 0..300),
    ) {
        let mut analysis = Analysis::new(AnalysisConfig { buckets: 16, ..AnalysisConfig::default() });
        let mut second = 0;
        for (step, rows) in &steps {
            second += step - 200;
            let rows: Vec<([u8; 4], u64, u64, u64)> = rows
                .iter()
                .map(|(tag, allocs, frees, bytes)| ([b'T', b'a', b'g', b'0' + tag], u64::from(*allocs), u64::from(*frees), bytes >> 12))
                .collect();
            let rows: Vec<(&[u8; 4], u64, u64, u64)> = rows.iter().map(|(t, a, f, b)| (t, *a, *f, *b)).collect();
            analysis.push(&sample(second, &rows));
        }
        let report = analysis.report();
        prop_assert_eq!(report.verdicts.len(), analysis.len());
        prop_assert!(analysis.memory() < 7 * 2 * 17 * 200);
        for verdict in &report.verdicts {
            prop_assert!(verdict.bytes.per_hour.is_finite() && verdict.held.is_finite());
            let _ = verdict.sentence(&TimeZone::UTC);
        }
    }

    /// The same growth gives the same rate, however often it is sampled and however few buckets there are.
    #[test]
    fn the_rate_does_not_depend_on_the_sampling(step in 1_u64..120, buckets in 32_usize..300) {
        let mut analysis = Analysis::new(AnalysisConfig { buckets, ..AnalysisConfig::default() });
        for n in 0..1000_u64 {
            let lost = n * step;
            analysis.push(&sample((n * step).cast_signed(), &[(b"Leak", 50 + lost, 0, (50 + lost) * 4096)]));
        }
        let report = analysis.report();
        let leak = of(&report, *b"Leak");
        prop_assert!(matches!(leak.kind, VerdictKind::Leaking | VerdictKind::Suspected), "{:?}", leak);
        prop_assert!((leak.bytes.per_hour / (4096.0 * 3600.0) - 1.0).abs() < 1e-6, "{:?}", leak.bytes);
    }
}

proptest! {
    /// Telling which rows changed gives the very same answer, over gaps, reboots, clocks that stand still, rows that
    /// come and go and tags that stand twice in a sample.
    #[test]
    fn changes_alone_lead_to_the_same_verdicts(
        steps in proptest::collection::vec((0_i64..90, 0_u8..40, any::<[u8; 6]>()), 40..160),
    ) {
        let names = [b"A   ", b"B   ", b"C   ", b"D   ", b"E   ", b"F   "];
        let (mut whole, mut told) = (Analysis::new(AnalysisConfig::default()), Analysis::new(AnalysisConfig::default()));
        let mut held = [(2_000_u64, 1_000_u64); 6];
        let (mut second, mut boots) = (0, 0);
        let mut before: Option<Sample> = None;
        for (n, (wait, event, moves)) in steps.into_iter().enumerate() {
            second += wait;
            boots += u64::from(event == 0);
            for (held, by) in held.iter_mut().zip(moves) {
                let (made, given) = (u64::from(by % 8), u64::from(by / 8 % 8));
                *held = (held.0 + made, held.1 + given.min(held.0 + made - held.1));
            }
            let shown = if event == 1 { 4 } else { 6 };
            let mut rows: Vec<_> = names.iter().zip(held).take(shown)
                .map(|(&name, (allocs, frees))| (name, allocs, frees, (allocs - frees) * 64)).collect();
            if n % 50 > 40 {
                rows.push((names[0], 7, 0, 448));
            }
            let mut now = sample(second, &rows);
            now.origin = Origin { boot: Some(boots.to_string()), ..(*now.origin).clone() }.into();
            let same = before.as_ref().filter(|before| before.rows.len() == now.rows.len());
            match same {
                Some(before) => {
                    let differs = |at: &u32| before.rows[*at as usize] != now.rows[*at as usize];
                    let changed: Vec<u32> = (0..u32::try_from(now.rows.len()).unwrap()).filter(differs).collect();
                    told.push_changed(&now, &changed);
                }
                None => told.push(&now),
            }
            whole.push(&now);
            before = Some(now);
        }
        prop_assert_eq!(whole.samples(), told.samples());
        prop_assert_eq!(format!("{:?}", whole.report().verdicts), format!("{:?}", told.report().verdicts));
    }
}
