//! Processes of this test binary that hold sockets: several, as each may open only so many files.

use std::io::BufRead as _;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::second::Second;

/// What a process opens beside its sockets.
const SPARE: u64 = 64;

/// All of them.
pub struct Holders {
    children: Vec<Second>,
}

/// How many files a process may open at most.
fn hard_limit() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    let hard = line.split_whitespace().nth(4)?;
    Some(hard.parse().unwrap_or(1 << 20).min(1 << 20))
}

impl Holders {
    /// Enough processes for so many sockets, holding none yet. `None` where the machine forbids that.
    pub fn start(sockets: u64) -> Option<Self> {
        let limit = hard_limit()?;
        // Two at least, as one leak may show in several processes.
        let count = sockets.div_ceil(limit.checked_sub(SPARE).filter(|&room| room > 0)?).max(2);
        let children: Vec<_> =
            (0..count.min(33)).map_while(|n| Second::start("holder::hold", limit, n)).collect();
        (children.len() as u64 == count).then_some(Self { children })
    }

    /// Takes so many at once, all processes together.
    pub fn take(&mut self, sockets: u64) {
        let each = sockets / self.children.len() as u64;
        for holder in &mut self.children {
            holder.say(&format!("take {each}"));
        }
    }

    /// From now on so many a second, all processes together.
    pub fn take_steadily(&mut self, rate: u64) {
        let gap = 1_000_000 * self.children.len() as u64 / rate;
        for holder in &mut self.children {
            holder.say(&format!("gap {gap}"));
        }
    }
}

/// A socket of UDP: on every kernel it has a cache of its own. An address for each, so that ports do not run out.
fn socket(holder: u64, number: usize) -> std::io::Result<UdpSocket> {
    let (high, low) = (number / 250, number % 250 + 1);
    let part = |part: usize| u8::try_from(part % 250).unwrap_or(0);
    let address = [127, 1 + part(usize::try_from(holder).unwrap_or(0)), part(high), part(low)];
    UdpSocket::bind((std::net::Ipv4Addr::from(address), 0))
}

#[test]
#[ignore = "a holder's own process, started by the tests"]
fn hold() {
    let Some(me) = std::env::var("POOLMON_HOLDER").ok().and_then(|number| number.parse().ok()) else {
        return;
    };
    let gap = std::sync::Arc::new(AtomicU64::new(0));
    let held = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let take = {
        let held = std::sync::Arc::clone(&held);
        move |count: u64| {
            let mut held = held.lock().unwrap();
            for _ in 0..count {
                let number = held.len();
                held.push(socket(me, number).expect("a socket like those before"));
            }
        }
    };
    // Without a loopback interface there is nothing to be held.
    if socket(me, 0).is_err() {
        return;
    }
    println!("ready");
    let steadily = {
        let (gap, take) = (std::sync::Arc::clone(&gap), take.clone());
        move || {
            let mut start = None;
            let mut taken = 0_u64;
            loop {
                std::thread::sleep(Duration::from_millis(10));
                let gap = gap.load(Ordering::Relaxed);
                if gap == 0 {
                    continue;
                }
                let start = *start.get_or_insert_with(Instant::now);
                let due = u64::try_from(start.elapsed().as_micros()).unwrap_or(0) / gap;
                take(due.saturating_sub(taken));
                taken = taken.max(due);
            }
        }
    };
    std::thread::spawn(steadily);
    // Ends with its parent, whatever becomes of that.
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        match line.split_once(' ') {
            Some(("take", count)) => take(count.parse().unwrap()),
            Some(("gap", micros)) => gap.store(micros.parse().unwrap(), Ordering::Relaxed),
            _ => panic!("{line}"),
        }
        println!("done");
    }
}
