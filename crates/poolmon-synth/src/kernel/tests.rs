//! The simulated kernel keeps its books.

use super::*;
use poolmon_source::Source;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn run(config: SimulationConfig, steps: u32) -> SimulatedKernel {
    let mut kernel = SimulatedKernel::new(config);
    (0..steps).for_each(|_| kernel.step(SECOND));
    kernel
}

#[test]
fn equal_seeds_give_equal_samples() {
    assert_eq!(run(SimulationConfig::default(), 20).sample(), run(SimulationConfig::default(), 20).sample());
    let other = SimulationConfig { seed: 2, ..SimulationConfig::default() };
    assert_ne!(run(SimulationConfig::default(), 20).sample().rows, run(other, 20).sample().rows);
}

#[test]
fn the_leak_grows_at_its_rate() {
    let leak = Leak { tag: *b"Leak", size: 1_000, bytes_per_second: 50_500 };
    let config = SimulationConfig { leak: Some(leak), ..SimulationConfig::default() };
    let held = |kernel: &SimulatedKernel| kernel.rows().last().and_then(|row| row.counters.bytes);
    assert_eq!(held(&run(config.clone(), 0)), Some(0));
    assert_eq!(held(&run(config.clone(), 1)), Some(50_000));
    assert_eq!(held(&run(config, 100)), Some(5_050_000));
}

#[test]
fn about_as_many_rows_change_as_asked_for() {
    for (config, wanted) in [(SimulationConfig::default(), 1_470.0), (SimulationConfig::quiet(), 400.0)] {
        let mut kernel = run(config, 5);
        let mut changed = 0;
        for _ in 0..10 {
            let before = kernel.sample();
            kernel.step(SECOND);
            changed += before.rows.iter().zip(kernel.rows()).filter(|(before, now)| *before != now).count();
        }
        let mean = changed as f64 / 10.0;
        assert!((mean - wanted).abs() < wanted * 0.06, "{mean} of {wanted}");
    }
}

#[test]
fn what_does_not_leak_stays_in_bounds() {
    let kernel = run(SimulationConfig { leak: None, ..SimulationConfig::default() }, 1_200);
    for held in &kernel.held {
        let most = held.base * 1.35 + 60.0 + 8.0 * held.rate;
        assert!(held.outstanding() as f64 <= most, "{held:?}");
    }
}

#[test]
fn counters_wrap_where_asked_and_differences_stay_right() {
    let config = SimulationConfig { wrap_after: Some(10), ..SimulationConfig::default() };
    let kernel = run(config, 3);
    let first = kernel.rows().next().unwrap();
    assert!(kernel.held[0].allocs > u64::from(u32::MAX));
    assert!(u32::try_from(first.counters.allocs.unwrap()).is_ok());
    let outstanding = first.counters.bytes.unwrap() / kernel.held[0].size;
    assert_eq!(first.counters.diff(CounterWidth::Bits32), Some(outstanding.cast_signed()));
}

#[test]
fn a_past_ends_where_the_first_sample_begins() {
    let past = Duration::from_hours(2);
    let source = || SimulatedSource::with_past(SimulatedKernel::new(SimulationConfig::quiet()), past);
    let mut asked = source();
    let mut sample = asked.kernel().sample();
    let mut times = Vec::new();
    while asked.past_into(&mut sample).unwrap() {
        times.push(sample.time.unwrap());
    }
    assert_eq!(times.len(), 6);
    assert!(times.is_sorted());
    let now = asked.sample().unwrap();
    assert_eq!(now.time.unwrap().duration_since(times[0]).as_secs(), 7200);
    // Who does not ask for it begins at the same moment.
    assert_eq!(source().sample().unwrap(), now);
}

#[test]
fn the_source_steps_and_tells_sessions_on_request() {
    let mut source =
        SimulatedSource::fixed_step(SimulatedKernel::new(SimulationConfig::default()), SECOND * 5);
    let first = source.sample().unwrap();
    assert!(first.sessions.is_empty());
    assert_eq!(first.origin.kind, SourceKind::Simulated);
    source.want_sessions(true);
    let second = source.sample().unwrap();
    assert_eq!(second.sessions.iter().map(|session| session.id).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(second.time.unwrap().duration_since(first.time.unwrap()).as_secs(), 5);
    assert!(second.header.memory_available < first.header.memory_available);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_books_balance(seed: u64, tags in 0_usize..400, steps in 0_u32..30, millis in 1_u64..70_000) {
        let mut kernel = SimulatedKernel::new(SimulationConfig { seed, tags, changes_per_second: 200.0, ..SimulationConfig::default() });
        for _ in 0..steps {
            kernel.step(Duration::from_millis(millis));
            for held in &kernel.held {
                prop_assert!(held.allocs >= held.frees, "{:?}", held);
            }
        }
        let sample = kernel.sample();
        prop_assert_eq!(sample.rows.len(), tags + 1);
        for (row, held) in sample.rows.iter().zip(&kernel.held) {
            let diff = row.counters.diff(CounterWidth::Bits32).unwrap();
            prop_assert_eq!(row.counters.bytes, Some(diff.cast_unsigned() * held.size));
        }
        for pool in [Pool::Nonpaged, Pool::Paged] {
            prop_assert!(sample.header.pool_total(pool).unwrap() >= sample.tagged_bytes(pool));
        }
        prop_assert!(sample.header.commit <= sample.header.commit_peak);
        prop_assert!(sample.header.commit_peak <= sample.header.commit_limit);
    }
}
