//! How long a hunt takes as a fleet grows, and what it finds.
//!
//! ```text
//! cargo run --release -p poolmon-fleet --example size -- write HOSTS ROWS STEP | curl -sT - http://127.0.0.1:8428/api/v1/import
//! cargo run --release -p poolmon-fleet --example size -- hunt http://127.0.0.1:8428 [HOURS]
//! ```
//!
//! `write` makes a day of points that end at the last full hour, for VictoriaMetrics; with `openmetrics` at the end, for promtool.
#![allow(clippy::print_stdout, reason = "a measurement")]

#[path = "../tests/world/mod.rs"]
mod world;

use std::io::{self, BufWriter};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use poolmon_fleet::{Access, Engine, Hunt, hunt, words};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let end = u64::try_from(Timestamp::now().as_second())? / 3600 * 3600;
    match args[..] {
        ["write", hosts, rows, step, ref rest @ ..] => {
            let world = world::World {
                hosts: hosts.parse()?,
                rows: rows.parse()?,
                leaking: 12,
                step: step.parse()?,
                hours: 24,
                end,
                exporter: if rest.contains(&"node") {
                    world::Exporter::Node
                } else {
                    world::Exporter::Poolmon
                },
            };
            let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
            if rest.contains(&"openmetrics") {
                world.write_open_metrics(&mut out)?;
            } else {
                world.write_json_lines(&mut out)?;
            }
        }
        ["hunt", url, ref rest @ ..] => {
            let hours: u64 = rest.first().map_or(Ok(24), |hours| hours.parse())?;
            let engine = Engine::new(url, &Access::default())?;
            let mut hunt = Hunt::new(Timestamp::from_second(i64::try_from(end)?)?);
            hunt.window = Duration::from_secs(hours * 3600);
            let began = Instant::now();
            let fleet = hunt::run(&engine, &hunt)?;
            print!("{}", words::text(&fleet));
            println!("\n{:.2} s", began.elapsed().as_secs_f64());
        }
        _ => return Err("write HOSTS ROWS STEP [node] [openmetrics], or hunt URL [HOURS]".into()),
    }
    Ok(())
}
