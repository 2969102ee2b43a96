//! What else the files report of one row, for the detail pane.

use std::collections::BTreeMap;

use poolmon_model::units::{grouped, human_bytes};

use super::bytes::{lines, word};
use super::slab::{CacheLine, cache_lines};
use super::vmalloc::VmallocLine;
use crate::Fact;

fn fact(title: &str, value: String) -> Fact {
    Fact { title: title.into(), value }
}

/// A cache's line of `/proc/slabinfo`.
pub fn slab(text: &[u8], name: &str) -> Vec<Fact> {
    let caches = cache_lines(text).filter_map(|(_, line)| CacheLine::parse(line));
    let Some(cache) = caches.into_iter().find(|cache| String::from_utf8_lossy(cache.name) == name) else {
        return Vec::new();
    };
    vec![
        fact("Object size", format!("{} bytes with padding", grouped(cache.object_size))),
        fact("Objects", format!("{} used of {}", grouped(cache.active_objects), grouped(cache.objects))),
        fact("Objects per slab", grouped(cache.objects_per_slab)),
        fact("Pages per slab", grouped(cache.pages_per_slab)),
        fact("Slabs", format!("{} active of {}", grouped(cache.active_slabs), grouped(cache.slabs))),
    ]
}

/// A caller's areas in `/proc/vmallocinfo`.
pub fn vmalloc(text: &[u8], name: &str) -> Vec<Fact> {
    let (mut areas, mut space, mut largest) = (0_u64, 0_u64, 0_u64);
    let mut kinds = BTreeMap::<String, u64>::new();
    for line in lines(text) {
        let VmallocLine::Area(area) = VmallocLine::parse(line) else { continue };
        let function = String::from_utf8_lossy(area.function);
        let is_it = match area.module {
            None => function == name,
            Some(module) => format!("{function} [{}]", String::from_utf8_lossy(module)) == name,
        };
        if !is_it {
            continue;
        }
        areas += 1;
        space = space.saturating_add(area.size);
        largest = largest.max(area.size);
        let mut details = area.details;
        while let Some(word) = word(&mut details) {
            // Words with a figure in them (pages=, phys=, N0=) are no kind.
            if !word.contains(&b'=') {
                *kinds.entry(String::from_utf8_lossy(word).into_owned()).or_default() += 1;
            }
        }
    }
    if areas == 0 {
        return Vec::new();
    }
    let kinds: Vec<_> = kinds.iter().map(|(kind, count)| format!("{} {kind}", grouped(*count))).collect();
    let mut facts = vec![
        fact("Areas", grouped(areas)),
        fact("Address space", format!("{} with guard pages", human_bytes(space))),
        fact("Largest area", human_bytes(largest)),
    ];
    if !kinds.is_empty() {
        facts.push(fact("Kinds", kinds.join(", ")));
    }
    facts
}
