//! `poolmon trace TAG` on Windows: a session for a while, its file, and what the pool itself grew by.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Instant;

use poolmon_etl::{AnyReader, Etl, EtlError, keep};
use poolmon_model::problem::Remedy as _;
use poolmon_model::units::counted;
use poolmon_model::{Pattern, PoolTag};
use poolmon_trace::{Answer, Growth};

use super::etw::Etw;
use super::{WindowsSource, calls};
use crate::trace::{TraceOptions, TraceProgress};
use crate::windows::trace::record;
use crate::{Result, Source as _, SourceError};

/// How long the thread sleeps between two questions whether to go on.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// A file of this process that is removed in the end, unless the person wants it.
struct TraceFile {
    path: PathBuf,
    kept: bool,
}

impl Drop for TraceFile {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Traces a tag, or those that match a pattern. `save` keeps the file.
///
/// # Errors
/// Windows refuses, or the trace cannot be read.
pub fn live(
    tag: &str,
    options: &TraceOptions,
    save: Option<&Path>,
    go_on: &mut dyn FnMut(&TraceProgress) -> bool,
) -> Result<Answer> {
    let pattern = Pattern::new(tag);
    let has_wildcard = tag.contains(['*', '?']);
    let tags: Vec<PoolTag> = PoolTag::padded(tag.as_bytes()).filter(|_| !has_wildcard).into_iter().collect();
    let temporary = || std::env::temp_dir().join(format!("poolmon-{}.etl", std::process::id()));
    let path = save.map_or_else(temporary, |path| std::path::absolute(path).unwrap_or_else(|_| path.into()));
    let file = TraceFile { path, kept: save.is_some() };

    let before = held(&pattern);
    let mut stopped = None;
    let recorded = record(&mut Etw::default(), &tags, &file.path, &mut || {
        let begun = Instant::now();
        loop {
            let elapsed = begun.elapsed();
            if elapsed >= options.length {
                return Ok(());
            }
            if !go_on(&TraceProgress { elapsed, ..TraceProgress::default() }) {
                stopped = Some("stopped by the user".to_owned());
                return Ok(());
            }
            std::thread::sleep(PAUSE.min(options.length - elapsed));
        }
    })?;
    let growth = held(&pattern).zip(before).map(|(now, before)| Growth {
        objects: now.0 - before.0,
        bytes: now.1 - before.1,
        exact: true,
        within: 0,
    });

    let open = File::open(&file.path);
    let open = open.map_err(|source| SourceError::Io { action: "open", path: file.path.clone(), source })?;
    let reader: AnyReader = Box::new(open);
    let mut etl = Etl::open(reader).map_err(unreadable)?;
    let answer = keep::answer_with(&mut etl, Some(&pattern), |about, ending| {
        about.host = calls::computer_name();
        ending.stopped = stopped;
        ending.growth = growth;
        ending.lost = ending.lost.max(recorded.lost.events.into());
        if recorded.lost.buffers > 0 {
            let lost = counted(recorded.lost.buffers.into(), "buffer");
            ending.remarks.push(format!("{lost} could not be written: their events are missing"));
        }
        ending.remarks.extend(recorded.remarks);
    });
    answer.map_err(unreadable)
}

/// Objects and bytes of the tags that match, by the pool's own counters.
fn held(pattern: &Pattern) -> Option<(i64, i64)> {
    let sample = WindowsSource::new().ok()?.sample().ok()?;
    let rows = sample.rows.iter().filter(|row| pattern.matches(&row.tag));
    let mut held = (0_i64, 0_i64);
    for row in rows {
        held.0 = held.0.saturating_add(row.counters.diff(sample.width)?);
        held.1 = held.1.saturating_add_unsigned(row.counters.bytes?);
    }
    Some(held)
}

fn unreadable(error: EtlError) -> SourceError {
    SourceError::Unavailable {
        what: "the trace".into(),
        why: error.to_string(),
        remedy: error.remedy().unwrap_or_default(),
    }
}
