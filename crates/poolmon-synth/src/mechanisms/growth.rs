//! Rows that grow although nothing leaks.

use super::builder::{Builder, MIB, System};
use super::process::cache::{Cache, Limit};
use super::process::people::{Scan, Waves};
use super::process::queue::Filling;
use super::process::table::{Hive, Names};
use super::truth::Mechanism;

/// Adds so many of them.
pub(super) fn add(host: &mut Builder, count: u64) {
    for _ in 0..count {
        let kinds = [
            (3.0, Mechanism::QueueFilling),
            (2.0, Mechanism::CacheFilling),
            (1.0, Mechanism::CacheTrimmed),
            (1.0, Mechanism::OldTable),
            (1.5, Mechanism::ColdTable),
            (if host.system == System::Windows { 1.0 } else { 0.0 }, Mechanism::Hive),
            (1.0, Mechanism::Scan),
            (if host.system == System::Linux { 1.5 } else { 0.0 }, Mechanism::Fragmentation),
        ];
        let mechanism = host.chance.weighted(&kinds);
        one(host, mechanism);
    }
}

/// Bytes by which such a row may grow within the recording.
fn growth(host: &mut Builder) -> f64 {
    (host.chance.magnitude(0.3, 300.0) * MIB).min(host.memory * 0.02)
}

/// Adds one of them.
pub(super) fn one(host: &mut Builder, mechanism: Mechanism) -> usize {
    // Half of them take about as long as the recording, where they are hardest to judge.
    let span = if host.chance.happens(0.5) { host.span() } else { host.chance.magnitude(0.3, 300.0) };
    let recorded = host.span();
    let size = host.size(48.0, 4096.0);
    let objects = (growth(host) / size as f64).max(20.0);
    let pool = host.pool();
    let chance = &mut host.chance;
    match mechanism {
        Mechanism::QueueFilling => {
            let lives = span * chance.magnitude(0.1, 4.0);
            let starts = if chance.happens(0.6) {
                -lives * chance.unit()
            } else {
                recorded * chance.between(0.0, 0.7)
            };
            let follows = chance.between(0.0, 1.0);
            let filling = Filling::new(objects, lives, starts, follows, chance);
            host.invent(pool, size, mechanism, filling)
        }
        Mechanism::CacheFilling => {
            let (part, fills) = (chance.between(0.0, 0.6), span * chance.magnitude(0.1, 3.0));
            let limit =
                if chance.happens(0.7) { Limit::Replace } else { Limit::TrimTo(chance.between(0.4, 0.9)) };
            let cache = Cache::new(objects, part, fills, limit, chance);
            host.invent(pool, size, mechanism, cache)
        }
        Mechanism::CacheTrimmed => {
            let (part, fills) = (chance.unit(), span * chance.magnitude(0.03, 1.0));
            let limit = if chance.happens(0.5) {
                Limit::TrimTo(chance.between(0.2, 0.8))
            } else {
                Limit::Shrink(fills * chance.between(0.3, 1.0))
            };
            let cache = Cache::new(objects, part, fills, limit, chance);
            host.invent(pool, size, mechanism, cache)
        }
        Mechanism::OldTable => {
            let names = Names::new(span * chance.magnitude(2.0, 40.0), span, objects * 3.0, chance);
            host.invent(pool, size, mechanism, names)
        }
        Mechanism::ColdTable => {
            let names = Names::new(span * chance.magnitude(0.001, 0.3), span, objects, chance);
            host.invent(pool, size, mechanism, names)
        }
        Mechanism::Hive => {
            let changes = chance.magnitude(1.0, 60.0);
            let a_day = chance.magnitude(0.2, 40.0) * MIB / 4096.0;
            let hive = Hive::new(chance.magnitude(500.0, 30_000.0), a_day, changes);
            host.invent(poolmon_model::Pool::Paged, 4096, mechanism, hive)
        }
        Mechanism::Scan => {
            let takes = (span * chance.between(0.02, 0.9)).min(8.0);
            let from = recorded * chance.between(-0.2, 0.9) - takes * chance.unit();
            let to = from + takes;
            let touched = Scan::new(from, to, objects, span * chance.magnitude(0.3, 100.0));
            host.invent(pool, size, mechanism, touched)
        }
        _ => {
            let (swing, period) = (chance.between(0.005, 0.3), span * chance.magnitude(0.02, 0.5));
            let pins = chance.between(0.3, 2.0) / recorded;
            let waves = Waves::new(objects * 0.7, swing, period);
            let pool = host.fixed_pool();
            let row = host.invent(pool, size, mechanism, waves);
            host.rows[row].pin(pins);
            row
        }
    }
}
