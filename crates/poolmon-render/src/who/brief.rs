//! The answer in short, for a report: drivers that show a tag, and their evidence in sentences.

use poolmon_owner::who::{Standing, WhoAnswer};
use poolmon_report::Suspect;

use super::cache::Creators;
use super::text;

/// Drivers that are named.
const DRIVERS: usize = 6;

/// Kinds of evidence of one driver.
const EVIDENCE: usize = 5;

/// Drivers that use a tag of Windows.
pub fn drivers(answer: &WhoAnswer) -> Vec<Suspect> {
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
                "the framework's default tag for it, if it sets none: the start of its service name"
                    .to_owned(),
            );
        }
        evidence.push(driver.path.display().to_string());
        let proven = matches!(driver.standing(), Standing::Proven(_)).then(|| driver.name());
        Suspect { name, evidence, proven }
    });
    suspects.collect()
}

/// Who creates a slab cache.
pub fn creators(name: &str, creators: &Creators) -> Vec<Suspect> {
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
                proven: None,
            }
        });
    suspects.collect()
}
