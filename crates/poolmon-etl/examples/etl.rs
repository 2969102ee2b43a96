//! Lists what is in a trace, and its largest allocators: `cargo run -p poolmon-etl --example etl FILE`.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::Write as _;

use poolmon_etl::{Etl, PoolAction};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("name a trace: etl FILE")?;
    let mut etl = Etl::open(File::open(path)?)?;
    let mut out = std::io::stdout().lock();
    let (session, counts) = (etl.session(), etl.counts());
    writeln!(out, "{}: Windows build {}, {} processors", session.name, session.build, session.cpus)?;
    writeln!(
        out,
        "{} buffers, {} records, {} damaged places",
        counts.buffers, counts.records, counts.damages
    )?;
    for (hook, count) in &counts.hooks {
        writeln!(out, "{hook} {} {count}", hook.group_name())?;
    }
    for (guid, count) in &counts.providers {
        writeln!(out, "{guid} {count}")?;
    }
    writeln!(
        out,
        "{} images, of them {} in the kernel",
        etl.images().all().len(),
        etl.images().kernel().count()
    )?;

    let mut allocated: HashMap<_, (u64, u64)> = HashMap::new();
    let images = etl.images().clone();
    for event in etl.pool_events() {
        let event = event?;
        if event.value.action == PoolAction::Allocate {
            let sum = allocated.entry((event.value.tag, event.kernel_stack)).or_insert((0, event.time));
            sum.0 += event.value.bytes;
        }
    }
    let mut allocated: Vec<_> = allocated.into_iter().collect();
    allocated.sort_by_key(|(_, (bytes, _))| std::cmp::Reverse(*bytes));
    for ((tag, stack), (bytes, time)) in allocated.iter().take(10) {
        writeln!(out, "\n{bytes} bytes, tag {tag}")?;
        for frame in stack.iter().flat_map(|frames| frames.iter()) {
            writeln!(out, "    {}", images.frame(*frame, *time))?;
        }
    }
    Ok(())
}
