//! The answer in short, for a report: drivers that show a tag, and their evidence in sentences.

use std::path::Path;

use poolmon_model::{PoolTag, Tag};
use poolmon_owner::linux::MergedCaches;
use poolmon_owner::who;
use poolmon_render::who::brief as render;
use poolmon_report::Suspect;

use super::progress::Progress;
use super::{Store, interruptible, linux, places, tell_failures};
use crate::cli::who::WhoArgs;

/// Searches what `--drivers` names; how much that was, in words, stands beside the answer.
pub fn suspects(tag: &Tag, args: &WhoArgs) -> anyhow::Result<(Vec<Suspect>, String)> {
    match tag {
        Tag::Pool(tag) => drivers(*tag, args),
        Tag::Name(name) => creators(name, args),
    }
}

fn drivers(tag: PoolTag, args: &WhoArgs) -> anyhow::Result<(Vec<Suspect>, String)> {
    let mut store = Store::open(args);
    let Some(places) = places(args, &store.index)? else { return Ok((Vec::new(), "nothing".to_owned())) };
    let (stop, mut progress) = (interruptible()?, Progress::new());
    let answer = who::ask(tag, &places, false, &mut store.index, &stop, |event| progress.tell(event));
    drop(progress);
    store.save();
    tell_failures(&answer, &places)?;
    Ok((render::drivers(&answer), poolmon_render::who::searched(&answer)))
}

fn creators(name: &str, args: &WhoArgs) -> anyhow::Result<(Vec<Suspect>, String)> {
    let merged = MergedCaches::read(Path::new("/sys/kernel/slab"));
    let (creators, summary) = linux::search(name, &args.drivers.drivers, &merged, args)?;
    Ok((render::creators(name, &creators), poolmon_render::who::cache::searched(&summary)))
}
