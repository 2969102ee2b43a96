//! Leaks, each with the mechanism that loses its objects and the rows that it makes grow.

use super::builder::{Builder, Leak, MIB, System};
use super::chance::Chance;
use super::process::loss::{Loss, Pace, Release};
use super::process::queue::Queue;
use super::process::{Constant, Process};
use super::row::{Figure, Place};
use super::truth::Mechanism;

/// Adds so many of them.
pub(super) fn plant(host: &mut Builder, count: u64) {
    let (windows, linux) = match host.system {
        System::Windows => (1.0, 0.0),
        System::Linux => (0.0, 1.0),
    };
    let kinds = [
        (2.0, Mechanism::PerRequest),
        (2.0, Mechanism::Timer),
        (1.5, Mechanism::BusyRow),
        (1.0, Mechanism::WorkingHours),
        (1.0, Mechanism::Accelerating),
        (1.0, Mechanism::ErrorPath),
        (1.0, Mechanism::Staircase),
        (1.0, Mechanism::Stopped),
        (0.7, Mechanism::NightlyRestart),
        (0.7, Mechanism::ProcessExit),
        (1.0, Mechanism::PerExit),
        (0.7, Mechanism::BigBlocks),
        (0.7 * windows, Mechanism::CounterWrap),
        (1.5 * windows + 0.7 * linux, Mechanism::FileLayers),
        (1.2, Mechanism::Connections),
        (0.7, Mechanism::Threads),
        (0.5 * linux, Mechanism::PerCpu),
        (0.3 * linux, Mechanism::PageTables),
    ];
    for _ in 0..count {
        let mechanism = host.chance.weighted(&kinds);
        one(host, mechanism, count);
    }
}

/// Adds one leak; `of` is the number of leaks on the host, which share what memory there is.
pub(super) fn one(host: &mut Builder, mechanism: Mechanism, of: u64) {
    let (outputs, culprit) = rows(host, mechanism);
    if outputs.is_empty() {
        return;
    }
    let each: f64 = outputs.iter().map(|&(row, multiple)| host.rows[row].unit() * multiple as f64).sum();
    let (onset, ends) = begin_and_end(host, mechanism);
    let mut an_hour = bytes_an_hour(host) / each;
    // A machine with all its leaks has to live until the last sample.
    an_hour = an_hour.min(host.memory * 0.12 / of as f64 / each / host.span());
    let mut chance = Chance::new(host.seed, 500 + host.leaks.len() as u64);
    let pace = pace(host, mechanism, an_hour, onset, &mut chance);
    let release = match mechanism {
        Mechanism::NightlyRestart => Release::Nightly,
        Mechanism::ProcessExit => Release::Exit(host.span() * chance.magnitude(0.15, 3.0)),
        _ => Release::Reboot,
    };
    let loss = Loss::new(pace, release, onset, ends, &mut chance);
    host.leak(Leak { mechanism, loss, outputs, culprit, onset, ends, chance });
}

fn bytes_an_hour(host: &mut Builder) -> f64 {
    let (low, high) = if host.span() <= 12.0 { (0.3, 100.0) } else { (0.1, 30.0) };
    host.chance.magnitude(low, high) * MIB
}

fn begin_and_end(host: &mut Builder, mechanism: Mechanism) -> (f64, f64) {
    let (span, uptime) = (host.span(), host.schedule.uptime);
    let chance = &mut host.chance;
    let onset = if chance.happens(0.6) || host.schedule.hours.len() < 8 {
        -(uptime * chance.unit()).min(span * chance.magnitude(0.1, 10.0))
    } else {
        span * chance.between(0.05, 0.7)
    };
    let ends = if mechanism == Mechanism::Stopped {
        onset.max(0.0) + (span - onset.max(0.0)) * chance.between(0.2, 0.8)
    } else {
        f64::MAX
    };
    (onset, ends)
}

fn pace(host: &Builder, mechanism: Mechanism, an_hour: f64, onset: f64, chance: &mut Chance) -> Pace {
    let (from, span) = (onset.max(0.0), host.span());
    let hours = span - from;
    match mechanism {
        Mechanism::Timer | Mechanism::CounterWrap | Mechanism::PageTables => {
            let times = chance.magnitude(2.0, 3600.0);
            // Fewer times, if that is not an object each time.
            if an_hour < times {
                Pace::Timer(an_hour, 1)
            } else {
                Pace::Timer(times, (an_hour / times).round() as u64)
            }
        }
        Mechanism::WorkingHours => Pace::Office(an_hour * 168.0 / 50.0),
        Mechanism::Accelerating => Pace::Rising(2.0 * an_hour / (span - onset)),
        Mechanism::ErrorPath => {
            let count = chance.whole(1..=9);
            let episodes: Vec<(f64, f64)> = (0..count)
                .map(|_| {
                    let at = from + hours * chance.unit();
                    (at, at + hours * chance.magnitude(0.003, 0.06))
                })
                .collect();
            let failing: f64 = episodes.iter().map(|(from, to)| to - from).sum();
            Pace::Failures(episodes, an_hour * hours / failing)
        }
        Mechanism::Staircase => {
            let count = chance.whole(3..=9);
            let moments = (0..count).map(|_| from + hours * chance.unit()).collect();
            Pace::Jumps(moments, (an_hour * hours / count as f64).max(10.0))
        }
        Mechanism::Stopped if chance.happens(0.5) => Pace::Timer(an_hour, 1),
        _ => Pace::Work(an_hour),
    }
}

type Outputs = (Vec<(usize, u64)>, Option<usize>);

/// The rows in which a leak shows, and the culprit among them.
fn rows(host: &mut Builder, mechanism: Mechanism) -> Outputs {
    match mechanism {
        Mechanism::FileLayers | Mechanism::Connections | Mechanism::Threads | Mechanism::PerCpu => {
            layered(host, mechanism)
        }
        Mechanism::PageTables => (figure(host, Figure::PageTables, 1).into_iter().collect(), None),
        Mechanism::BusyRow => {
            let row = busy(host);
            (vec![(row, 1)], Some(row))
        }
        Mechanism::CounterWrap => {
            let row = wrapping(host);
            (vec![(row, 1)], Some(row))
        }
        Mechanism::BigBlocks => {
            let size = host.size(16_384.0, 262_144.0);
            let row = own(host, size);
            (vec![(row, 1)], Some(row))
        }
        Mechanism::PerRequest | Mechanism::Timer | Mechanism::ErrorPath if host.chance.happens(0.25) => {
            let known = *host.chance.pick(match host.system {
                System::Windows => &["EtwR", "Even", "Toke", "Mdl ", "ObHd", "Irp ", "Sema", "ALPC"],
                System::Linux => &[
                    "kmalloc-64",
                    "kmalloc-256",
                    "kmalloc-1k",
                    "kmalloc-4k",
                    "kmalloc-512",
                    "cred",
                    "pid",
                    "kmalloc-96",
                ],
            });
            let row = free(host, known);
            (row.map(|row| (row, 1)).into_iter().collect(), row)
        }
        _ => {
            let size = host.size(32.0, 4096.0);
            let row = own(host, size);
            (vec![(row, 1)], Some(row))
        }
    }
}

/// A row of a driver of its own, in which not much else happens.
fn own(host: &mut Builder, size: u64) -> usize {
    let pool = host.fixed_pool();
    let chance = &mut host.chance;
    let process: Box<dyn Process> = if chance.happens(0.4) {
        Box::new(Constant(chance.magnitude(1.0, 500.0) as u64))
    } else {
        let (held, lives) = (chance.magnitude(2.0, 1500.0), chance.magnitude(0.0005, 2.0));
        Box::new(Queue::balanced(held, lives, 0.7, chance))
    };
    let tag = host.name();
    host.add(tag, Place::Listed(pool), size, Mechanism::Load, vec![process])
}

/// A row with many objects of requests, a small part of which is lost.
fn busy(host: &mut Builder) -> usize {
    let size = host.size(48.0, 2048.0);
    let pool = host.fixed_pool();
    let bytes = host.chance.magnitude(1.0, 120.0) * MIB;
    let (lives, follows) = (host.chance.magnitude(0.001, 1.0), host.chance.between(0.5, 1.0));
    let queue = Queue::mixed(bytes / size as f64, lives, follows, &mut host.chance);
    host.invent(pool, size, Mechanism::Load, queue)
}

/// A row whose count of allocations reaches 2³² within the recording.
pub(super) fn wrapping(host: &mut Builder) -> usize {
    let size = host.size(32.0, 1024.0);
    let pool = host.pool();
    let (held, rate) = (host.chance.magnitude(50.0, 50_000.0), host.chance.magnitude(1e6, 3e7));
    let queue = Queue::balanced(held, held / rate, 0.6, &mut host.chance);
    let row = host.invent(pool, size, Mechanism::CounterWrap, queue);
    let after = host.span() * host.chance.between(0.1, 0.9);
    host.rows[row].wraps_after(after);
    row
}

/// A known row that does not lose objects yet.
fn free(host: &Builder, name: &str) -> Option<usize> {
    host.known(name).filter(|&row| host.rows[row].cause.is_none())
}

fn figure(host: &Builder, figure: Figure, multiple: u64) -> Option<(usize, u64)> {
    let is_free = |row: &super::row::Row| row.place == Place::Header(figure) && row.cause.is_none();
    host.rows.iter().position(is_free).map(|row| (row, multiple))
}

/// Layers that an object drags along: names, objects of each for one, and whether it always comes.
type Layers = &'static [(&'static str, u64, bool)];

const WINDOWS_FILE: Layers = &[
    ("File", 1, true),
    ("IoNm", 2, false),
    ("FMfn", 1, false),
    ("NtFC", 1, true),
    ("FMsl", 1, false),
    ("Ntfc", 1, false),
    ("FIcs", 1, false),
];
const LINUX_FILE: Layers =
    &[("filp", 1, true), ("dentry", 1, true), ("inode_cache", 1, false), ("kmalloc-cg-64", 1, false)];
const WINDOWS_CONNECTION: Layers =
    &[("AfdE", 1, true), ("TcpE", 1, true), ("Even", 2, false), ("File", 1, false)];
const LINUX_CONNECTION: Layers = &[
    ("sock_inode_cache", 1, true),
    ("TCP", 1, true),
    ("filp", 1, false),
    ("dentry", 1, false),
    ("kmalloc-cg-512", 2, false),
];
const WINDOWS_THREAD: Layers =
    &[("Thre", 1, true), ("ObHd", 3, false), ("Even", 2, false), ("SeAt", 1, false)];
const LINUX_THREAD: Layers = &[
    ("task_struct", 1, true),
    ("cred", 1, true),
    ("pid", 1, true),
    ("signal_cache", 1, false),
    ("sighand_cache", 1, false),
];
const LINUX_GROUP: Layers =
    &[("kernfs_node_cache", 40, true), ("kmalloc-cg-1k", 2, true), ("kmalloc-cg-192", 4, false)];

fn layered(host: &mut Builder, mechanism: Mechanism) -> Outputs {
    let layers = match (mechanism, host.system) {
        (Mechanism::FileLayers, System::Windows) => WINDOWS_FILE,
        (Mechanism::FileLayers, System::Linux) => LINUX_FILE,
        (Mechanism::Connections, System::Windows) => WINDOWS_CONNECTION,
        (Mechanism::Connections, System::Linux) => LINUX_CONNECTION,
        (Mechanism::Threads, System::Windows) => WINDOWS_THREAD,
        (Mechanism::Threads, System::Linux) => LINUX_THREAD,
        _ => LINUX_GROUP,
    };
    let mut outputs: Vec<(usize, u64)> = Vec::new();
    for &(name, multiple, always) in layers {
        if always || host.chance.happens(0.6) {
            outputs.extend(free(host, name).map(|row| (row, multiple)));
        }
    }
    let cpus = host.chance.whole(1..=16);
    let stack = match mechanism {
        Mechanism::Threads => figure(host, Figure::KernelStack, 1),
        Mechanism::PerCpu => figure(host, Figure::PerCpu, cpus),
        _ => None,
    };
    outputs.extend(stack);
    // In a fifth of the cases a process holds the objects, and no row but the layers grows.
    let culprit = host.chance.happens(0.8).then(|| {
        let size = host.size(48.0, 512.0);
        let row = own(host, size);
        outputs.push((row, 1));
        row
    });
    (outputs, culprit)
}
