//! This machine, or a file, as samples.
//!
//! * [`live`]: this machine; [`past`]: one moment of a recording or a log; [`dump`]: memory dumps, [`symbols`] for them;
//! * [`kind`]: what a path holds; [`series`]: its samples, one after the other; [`still`]: the last of them as a source;
//! * [`moment`]: times as people write them; [`marks`]: notes, gaps and modules in words.

pub mod dump;
pub mod kind;
pub mod marks;
pub mod moment;
pub mod past;
pub mod series;
pub mod still;
pub mod symbols;

use std::io::{self, Read as _};
use std::path::Path;

use anyhow::Context as _;
use poolmon_model::{Pool, PoolView, Sample};
use poolmon_read::text::LogFile;
use poolmon_source::Source;

/// The live source of this machine, for the pools that will be looked at.
pub fn live(view: PoolView) -> anyhow::Result<Box<dyn Source>> {
    let ours = if cfg!(windows) {
        &[Pool::Nonpaged, Pool::Paged][..]
    } else {
        &[Pool::Reclaimable, Pool::Unreclaimable, Pool::Vmalloc, Pool::CallSite]
    };
    anyhow::ensure!(
        ours.iter().any(|&pool| view.admits(pool)),
        "this system has no {} pool; it has: {}",
        view.id(),
        ours.iter().map(|pool| pool.id()).collect::<Vec<_>>().join(", ")
    );
    open(view)
}

fn open(view: PoolView) -> anyhow::Result<Box<dyn Source>> {
    cfg_select! {
        target_os = "linux" => {
            use poolmon_source::linux::{LinuxSource, Parts};
            // Caches without a single slab are never shown: no look at sysfs for them.
            let parts = Parts { empty_caches: false, ..Parts::for_view(view) };
            Ok(Box::new(LinuxSource::with_parts(Path::new("/"), parts)?))
        }
        windows => {
            let _ = view;
            Ok(Box::new(poolmon_source::windows::live::WindowsSource::new()?))
        }
        _ => {
            let _ = view;
            anyhow::bail!(
                "this system has no live source yet (Windows and Linux have)\n  \
                 read a saved log with `poolmon top FILE`, or look at `poolmon demo`"
            )
        }
    }
}

/// The last snapshot of a saved file, and the one before it; `-` = standard input.
pub fn last_two(path: &Path) -> anyhow::Result<(Option<Sample>, Sample)> {
    let log = if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
        LogFile::from_bytes("standard input", bytes)?
    } else {
        LogFile::open(path)?
    };
    Ok(log.last_two()?)
}

/// Tells the person, on stderr, what the source remarked and which rows contradict themselves.
pub fn tell_remarks(sample: &Sample) {
    for remark in &sample.remarks {
        eprintln!("poolmon: {remark}");
    }
    if sample.disagreeing > 0 {
        eprintln!(
            "poolmon: Diff disagrees with Allocs - Frees in {} of {} rows; they are shown as the source tells them",
            sample.disagreeing,
            sample.rows.len()
        );
    }
}
