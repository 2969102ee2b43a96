//! The screen with invented samples: `cargo run -p poolmon-tui --example screen -- [windows|linux|many|fail] [MS]`.

#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Duration;

use poolmon_tui::{ScreenOptions, Settings, run};
use support::{Fake, Known, linux, many, windows};

fn main() {
    let mut args = std::env::args().skip(1);
    let which = args.next().unwrap_or_default();
    let millis = args.next().and_then(|text| text.parse().ok()).unwrap_or(1000);
    let mut source = Fake::new(match which.as_str() {
        "linux" => linux,
        "many" => |step| many(4000, step),
        "simulated" => |step| {
            let mut sample = windows(step);
            std::sync::Arc::make_mut(&mut sample.origin).kind = poolmon_model::SourceKind::Simulated;
            sample
        },
        _ => windows,
    });
    source.live = true;
    match which.as_str() {
        "fail" => source.fails_at = Some(4),
        "never" => source.fails_at = Some(0),
        "slow" => source.slow = Duration::from_secs(6),
        _ => {}
    }
    let outcome = run(ScreenOptions {
        judge: None,
        source: Box::new(source),
        labeler: Some(std::sync::Arc::new(Known)),
        interval: Duration::from_millis(millis),
        initial: Settings::default(),
        look: poolmon_tui::Look::from_env(|name| std::env::var(name).ok()),
        snapshot_writer: Box::new(|_, table| {
            Err(format!("{} rows, but this is an example", table.rows.len()))
        }),
        describe: Box::new(|row| {
            let value = format!("whatever is known of {}", row.tag);
            vec![poolmon_source::Fact { title: "Owner".into(), value }]
        }),
        tracer: None,
        left: None,
        opens_on_verdict: true,
    });
    if let Err(error) = outcome {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
