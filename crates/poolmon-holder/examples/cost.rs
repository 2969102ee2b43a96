//! What it costs to count the holders of this machine: `cargo run --release -p poolmon-holder --example cost [CENSUSES] [SECONDS]`.
//!
//! Prints the CPU time of the first census, the mean of those after it, and the memory of this process.

use std::time::Duration;

use poolmon_holder::{Census, History, Live};

/// CPU milliseconds of this process so far, of its line in `/proc`: clock ticks of 10 ms are too coarse, so the scheduler's figure.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0) / 1e6
}

fn resident() -> String {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("unknown").trim().to_owned()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let mut number = |default: u64| words.next().map_or(Ok(default), |word| word.parse());
    let (censuses, seconds) = (number(20)?, number(5)?);
    let mut live = Live::new().map_err(|problem| problem.message)?;
    let (mut census, mut history) = (Census::default(), History::default());
    let mut after_first = 0.0;
    for n in 0..censuses {
        let before = cpu();
        live.census_into(&mut census).map_err(|problem| problem.message)?;
        history.push((n * seconds) as f64, &census);
        let cost = cpu() - before;
        if n == 0 {
            let descriptors = census.total(poolmon_holder::Kind::Descriptor).unwrap_or(0);
            println!("{} processes, {descriptors} descriptors; first census {cost:.1} ms", census.processes);
        } else {
            after_first += cost;
        }
        std::thread::sleep(Duration::from_secs(seconds));
    }
    if censuses > 1 {
        println!("each later census {:.1} ms; resident {}", after_first / (censuses - 1) as f64, resident());
    }
    Ok(())
}
