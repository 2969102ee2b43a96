//! The answer in short, for a report: drivers that show a tag, and their evidence in sentences.

use std::path::Path;

use poolmon_model::{PoolTag, Tag};
use poolmon_owner::linux::MergedCaches;
use poolmon_owner::who::{self, Standing};
use poolmon_report::Suspect;

use super::progress::Progress;
use super::{Store, interruptible, linux, places, tell_failures, text};
use crate::cli::who::WhoArgs;

/// Drivers that are named.
const DRIVERS: usize = 6;

/// Kinds of evidence of one driver.
const EVIDENCE: usize = 5;

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
    progress.done();
    store.save();
    tell_failures(&answer, &places)?;
    let shown = answer.drivers.iter().filter(|driver| driver.standing() < Standing::Noise);
    let suspects = shown.take(DRIVERS).map(|driver| {
        let info = &driver.info;
        let about = [info.version.clone(), info.description.clone(), info.company.clone()];
        let name = std::iter::once(Some(driver.name())).chain(about).flatten().collect::<Vec<_>>().join(", ");
        let mut evidence: Vec<String> = driver
            .groups()
            .iter()
            .take(EVIDENCE)
            .map(|group| {
                let place = group.places.first().map(|row| text::place(row)).unwrap_or_default();
                let more = match group.places.len() {
                    0 | 1 => String::new(),
                    many => format!(" and {} more places", many - 1),
                };
                format!("{} ({} confidence): {place}{more}", group.text, group.confidence)
            })
            .collect();
        if driver.framework {
            evidence.push(
                "the framework gives it this tag, if it names none itself: the start of its service name"
                    .to_owned(),
            );
        }
        evidence.push(driver.path.display().to_string());
        Suspect { name, evidence }
    });
    Ok((suspects.collect(), text::searched(&answer)))
}

fn creators(name: &str, args: &WhoArgs) -> anyhow::Result<(Vec<Suspect>, String)> {
    let merged = MergedCaches::read(Path::new("/sys/kernel/slab"));
    let (creators, summary) = linux::search(name, &args.drivers, &merged, args)?;
    let suspects = creators
        .iter()
        .flat_map(|(cache, owners)| owners.iter().map(move |owner| (cache, owner)))
        .take(DRIVERS)
        .map(|(cache, owner)| {
            let of =
                if cache == name { String::new() } else { format!(", of {cache}, which shares the cache") };
            Suspect {
                name: format!("{}{of}", owner.name()),
                evidence: vec![
                    format!("{} ({} confidence)", owner.explain(), owner.confidence().word()),
                    owner.path.display().to_string(),
                ],
            }
        });
    Ok((suspects.collect(), linux::searched(&summary)))
}
