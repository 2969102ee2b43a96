//! Rows in which nothing is wrong: most of every host.

use super::builder::{Builder, MIB, System};
use super::names::Known;
use super::process::cache::{Cache, Limit};
use super::process::people::{Jobs, Sessions};
use super::process::queue::Queue;
use super::process::{Constant, Process};
use super::row::Place;
use super::truth::Mechanism;

/// Adds the rows that the system is known to have, and invented ones up to this number.
pub(super) fn fill(host: &mut Builder, rows: usize) {
    let scale = host.chance.magnitude(0.2, 4.0);
    for known in host.system.known() {
        known_row(host, known, scale);
    }
    if host.system == System::Linux {
        machine_figures(host);
    }
    while host.rows.len() < rows {
        invented(host);
    }
}

fn known_row(host: &mut Builder, known: &Known, scale: f64) {
    let tag = host.tag(known.name);
    let held = known.held * scale * host.chance.between(0.5, 1.5);
    let (mechanism, process): (_, Box<dyn Process>) = if known.lives <= 0.0 {
        (Mechanism::Constant, Box::new(Constant(held as u64)))
    } else if known.lives > 8.0 {
        (Mechanism::LongLived, Box::new(Queue::balanced(held, known.lives, 0.5, &mut host.chance)))
    } else {
        (Mechanism::Load, Box::new(Queue::mixed(held, known.lives / 10.0, 0.8, &mut host.chance)))
    };
    let row = host.add(tag, Place::Listed(known.pool), known.size, mechanism, vec![process]);
    if known.lives > 0.0 && host.chance.happens(0.2) {
        host.rows[row].mixed(0.4);
    }
}

/// Stacks, page tables and per-CPU memory that a machine has.
fn machine_figures(host: &mut Builder) {
    use super::row::Figure::{KernelStack, PageTables, PerCpu};
    for (figure, name, size, held) in [
        (KernelStack, "stacks", 16_384, 700.0),
        (PageTables, "page tables", 4096, 14_000.0),
        (PerCpu, "per CPU", 4096, 9000.0),
    ] {
        let queue = Queue::balanced(held, 2.0, 0.3, &mut host.chance);
        let tag = host.tag(name);
        host.add(tag, Place::Header(figure), size, Mechanism::Load, vec![Box::new(queue)]);
    }
}

fn invented(host: &mut Builder) {
    let kinds = [
        (46.0, Mechanism::Constant),
        (22.0, Mechanism::Churn),
        (17.0, Mechanism::Load),
        (6.0, Mechanism::LongLived),
        (4.0, Mechanism::Jobs),
        (3.0, Mechanism::Cache),
        (0.4, Mechanism::CacheTrimmed),
        (0.6, Mechanism::Sessions),
    ];
    let mechanism = host.chance.weighted(&kinds);
    let pool = host.pool();
    let mut size = host.size(24.0, 4096.0);
    // A few rows hold large blocks.
    if host.chance.happens(0.03) {
        size = host.size(4096.0, 65_536.0);
    }
    // No single innocent row is a large part of the machine.
    let most = (host.memory * 0.004 / size as f64).max(4.0);
    let process = process(host, mechanism, most, size);
    let tag = host.name();
    let row = host.add(tag, Place::Listed(pool), size, mechanism, vec![process]);
    if mechanism != Mechanism::Constant && host.chance.happens(0.25) {
        let spread = host.chance.between(0.1, 0.8);
        host.rows[row].mixed(spread);
    }
}

fn process(host: &mut Builder, mechanism: Mechanism, most: f64, size: u64) -> Box<dyn Process> {
    let present = host.present;
    let chance = &mut host.chance;
    match mechanism {
        Mechanism::Churn => {
            let held = chance.magnitude(0.5, 2000.0).min(most);
            Box::new(Queue::balanced(held, chance.magnitude(0.0005, 1.0), 0.0, chance))
        }
        Mechanism::Load => {
            let held = chance.magnitude(3.0, 20_000.0).min(most);
            let (lives, follows) = (chance.magnitude(0.0005, 1.5), chance.between(0.4, 1.0));
            Box::new(Queue::mixed(held, lives, follows, chance))
        }
        Mechanism::LongLived => {
            let held = chance.magnitude(20.0, 50_000.0).min(most);
            let (lives, follows) = (chance.magnitude(6.0, 600.0), chance.between(0.0, 1.0));
            Box::new(Queue::balanced(held, lives, follows, chance))
        }
        Mechanism::Jobs => {
            let held = chance.magnitude(10.0, 20_000.0).min(most);
            let (an_hour, lasts) = (chance.magnitude(0.05, 5.0), chance.magnitude(0.02, 10.0));
            let base = held * chance.unit();
            Box::new(Jobs::new(base, an_hour, held / (1.0 + an_hour * lasts), lasts, chance))
        }
        Mechanism::Cache => {
            let held = chance.magnitude(50.0, 50_000.0).min(most);
            Box::new(Cache::new(held, 1.0, chance.magnitude(0.2, 50.0), Limit::Replace, chance))
        }
        Mechanism::CacheTrimmed => {
            let bytes = chance.magnitude(0.2, 60.0) * MIB;
            let held = (bytes / size as f64).min(most);
            let limit = if chance.happens(0.5) {
                Limit::TrimTo(chance.between(0.3, 0.9))
            } else {
                Limit::Shrink(chance.magnitude(0.3, 40.0))
            };
            let (part, fills) = (chance.between(0.2, 1.0), chance.magnitude(0.2, 200.0));
            Box::new(Cache::new(held, part, fills, limit, chance))
        }
        Mechanism::Sessions => {
            let (people, each) = (chance.whole(1..=300), chance.whole(1..=200));
            Box::new(Sessions::new(people.min(most as u64 / each + 1), each, present, chance))
        }
        _ => Box::new(Constant(chance.magnitude(1.0, 5000.0).min(most) as u64)),
    }
}
