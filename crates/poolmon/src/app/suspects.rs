//! The answer in short, for a report: drivers that show a tag, and their evidence in sentences.

use std::path::Path;

use poolmon_model::{PoolTag, Tag};
use poolmon_owner::linux::MergedCaches;
use poolmon_owner::who;
use poolmon_record::Stop;
use poolmon_render::who::brief as render;
use poolmon_report::Suspect;

use super::caches;
use super::drivers::{Store, places, tell_failures};
use super::search_progress::Progress;
use crate::cli::who::WhoArgs;

/// Searches what `--drivers` names; how much that was, in words, is next to the answer.
pub fn suspects(tag: &Tag, args: &WhoArgs) -> anyhow::Result<(Vec<Suspect>, String)> {
    match tag {
        Tag::Pool(tag) => drivers(*tag, args),
        Tag::Name(name) => creators(name, args),
    }
}

fn drivers(tag: PoolTag, args: &WhoArgs) -> anyhow::Result<(Vec<Suspect>, String)> {
    let mut store = Store::open(args);
    let Some(places) = places(args, &store.index)? else { return Ok((Vec::new(), "nothing".to_owned())) };
    let (stop, mut progress) = (Stop::on_signals()?, Progress::new());
    let answer = who::ask(tag, &places, false, &mut store.index, stop.flag(), |event| progress.tell(event));
    drop(progress);
    store.save();
    tell_failures(&answer, &places)?;
    Ok((render::drivers(&answer), poolmon_render::who::searched(&answer)))
}

fn creators(name: &str, args: &WhoArgs) -> anyhow::Result<(Vec<Suspect>, String)> {
    let merged = MergedCaches::read(Path::new("/sys/kernel/slab"));
    let (creators, summary) = caches::search(name, &args.drivers.drivers, &merged, args)?;
    Ok((render::creators(name, &creators), poolmon_render::who::cache::searched(&summary)))
}
