//! Which tracepoints are opened, with which filter, and where their fields are. Kernels differ:
//!
//! * before 6.1 allocations on a chosen node have events of their own (`kmalloc_node`, `kmem_cache_alloc_node`), and no event
//!   names its cache: objects are chosen by their size, and every free is followed;
//! * memory outside of slab caches has events of its own: pages, per-CPU memory, vmalloc (6.3 and later);
//! * a line of the source has no cache: the code that calls the allocator chooses, and every free is followed;
//! * since 6.4 `kfree` takes objects of any cache, and its event names none, so a cache's frees need it, too.

use std::collections::BTreeMap;

use super::format::{EventFormat, Field, Gfp};
use super::target::{Class, Outside, Target, TargetKind};
use crate::{Result, SourceError};

/// Every event that a kernel may have.
pub const EVENTS: &[(&str, &str)] = &[
    ("kmem", "kmalloc"),
    ("kmem", "kmalloc_node"),
    ("kmem", "kmem_cache_alloc"),
    ("kmem", "kmem_cache_alloc_node"),
    ("kmem", "kmem_cache_free"),
    ("kmem", "kfree"),
    ("kmem", "mm_page_alloc"),
    ("kmem", "mm_page_free"),
    ("percpu", "percpu_alloc_percpu"),
    ("percpu", "percpu_free_percpu"),
    ("vmalloc", "alloc_vmap_area"),
    ("vmalloc", "free_vmap_area_noflush"),
];

/// One tracepoint to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its number.
    pub id: u64,
    /// Its name, for messages.
    pub name: &'static str,
    /// What the kernel drops: an expression of ftrace; nothing if empty.
    pub filter: String,
    /// What its records mean.
    pub layout: Layout,
}

/// What a record means, and where its fields are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// An allocation.
    Alloc {
        /// Address.
        address: Field,
        /// Bytes that it takes.
        bytes: Field,
        /// Bytes that were asked for.
        requested: Field,
        /// Its flags, and which of them an allocation of the class has; `None` if every allocation is wanted.
        class: Option<(Field, Gfp, Class)>,
    },
    /// An allocation or free of pages.
    Pages {
        /// Number of the first page.
        pfn: Field,
        /// How many, as a power of two.
        order: Field,
        /// Which of both.
        is_alloc: bool,
    },
    /// A free of an object of the traced cache.
    Free {
        /// Address.
        address: Field,
    },
    /// A free of an object of any cache.
    FreeOfAny {
        /// Address.
        address: Field,
    },
}

impl Layout {
    /// Whether it is an allocation, whose stack is wanted.
    pub const fn is_alloc(&self) -> bool {
        matches!(self, Self::Alloc { .. } | Self::Pages { is_alloc: true, .. })
    }
}

/// Plans. Frees come first: they have to be on before the first allocation is. `accounted`: the kernel has general caches of their
/// own for what is counted for control groups; without, such allocations are in the normal ones.
///
/// # Errors
///
/// The kernel lacks an event or a field without which nothing can be traced.
pub fn plan(
    target: &Target,
    formats: &BTreeMap<&'static str, EventFormat>,
    accounted: bool,
) -> Result<Vec<Planned>> {
    if let [TargetKind::Outside(outside)] = target.kinds[..] {
        return plan_outside(outside, formats);
    }
    let mut planned = Vec::new();
    for &(_, name) in EVENTS.iter().rev().filter(|(group, name)| *group == "kmem" && !name.starts_with("mm_"))
    {
        let Some(format) = formats.get(name) else { continue };
        let is_named_event = name.starts_with("kmem_cache");
        // `kfree` frees objects of caches, too; nothing frees a general block but `kfree`.
        let has_events = |kind: &&TargetKind| match kind {
            TargetKind::Named { .. } => is_named_event,
            TargetKind::General { .. } => !is_named_event,
            TargetKind::Site { .. } | TargetKind::Outside(_) => true,
        };
        let kinds: Vec<&TargetKind> = target.kinds.iter().filter(has_events).collect();
        if kinds.is_empty() && name != "kfree" {
            continue;
        }
        let (filter, by_name) = filter_any(&kinds, format);
        let address = need(format, name, "ptr")?;
        let (filter, layout) = match name {
            "kmem_cache_free" if by_name => (filter, Layout::Free { address }),
            "kfree" | "kmem_cache_free" => (String::new(), Layout::FreeOfAny { address }),
            _ => {
                let class = match kinds[..] {
                    // They are all of one class.
                    [&TargetKind::General { class, .. }, ..] if format.gfp != Gfp::default() => {
                        let account = if accounted { format.gfp.account } else { 0 };
                        Some((need(format, name, "gfp_flags")?, Gfp { account, ..format.gfp }, class))
                    }
                    _ => None,
                };
                let (bytes, requested) =
                    (need(format, name, "bytes_alloc")?, need(format, name, "bytes_req")?);
                (filter, Layout::Alloc { address, bytes, requested, class })
            }
        };
        planned.push(Planned { id: format.id, name, filter, layout });
    }
    let has = |wanted: fn(&Layout) -> bool| planned.iter().any(|event| wanted(&event.layout));
    if has(Layout::is_alloc) && has(|layout| !layout.is_alloc()) {
        Ok(planned)
    } else {
        Err(lacks("its events", "kmem"))
    }
}

/// Memory outside of slab caches: nothing has to be filtered.
fn plan_outside(outside: Outside, formats: &BTreeMap<&'static str, EventFormat>) -> Result<Vec<Planned>> {
    let (free, alloc) = match outside {
        Outside::Pages => ("mm_page_free", "mm_page_alloc"),
        Outside::PerCpu => ("percpu_free_percpu", "percpu_alloc_percpu"),
        Outside::Vmalloc => ("free_vmap_area_noflush", "alloc_vmap_area"),
    };
    let layout = |name: &'static str, is_alloc: bool| {
        let format = formats.get(name).ok_or_else(|| lacks("the format", name))?;
        let field = |field| need(format, name, field);
        let layout = match (outside, is_alloc) {
            (Outside::Pages, is_alloc) => {
                Layout::Pages { pfn: field("pfn")?, order: field("order")?, is_alloc }
            }
            (Outside::PerCpu, true) => {
                // Of all processors together; kernels before 6.0 report those of one.
                let bytes = field("bytes_alloc").or_else(|_| field("size"))?;
                Layout::Alloc { address: field("ptr")?, bytes, requested: bytes, class: None }
            }
            (Outside::Vmalloc, true) => {
                let bytes = field("size")?;
                Layout::Alloc { address: field("addr")?, bytes, requested: bytes, class: None }
            }
            (Outside::PerCpu, false) => Layout::Free { address: field("ptr")? },
            (Outside::Vmalloc, false) => Layout::Free { address: field("va_start")? },
        };
        Ok(Planned { id: format.id, name, filter: String::new(), layout })
    };
    Ok(vec![layout(free, false)?, layout(alloc, true)?])
}

/// The filter of allocations from any of these, and whether all are known by name.
fn filter_any(kinds: &[&TargetKind], format: &EventFormat) -> (String, bool) {
    let each: Vec<(String, bool)> = kinds.iter().map(|kind| filter(kind, format)).collect();
    let by_name = each.iter().all(|(_, by_name)| *by_name);
    if let [(only, _)] = &each[..] {
        return (only.clone(), by_name);
    }
    let each = each.iter().map(|(filter, _)| format!("({filter})"));
    (each.collect::<Vec<_>>().join(" || "), by_name)
}

/// The filter of allocations, and whether it is by name.
fn filter(kind: &TargetKind, format: &EventFormat) -> (String, bool) {
    match kind {
        TargetKind::Named { name, .. } if format.field("name").is_some() => {
            (format!("name == \"{name}\""), true)
        }
        TargetKind::Named { size, object_size: Some(object_size), .. } => {
            (format!("bytes_alloc == {size} && bytes_req == {object_size}"), false)
        }
        TargetKind::Named { size, .. } | TargetKind::General { size, .. } => {
            (format!("bytes_alloc == {size}"), false)
        }
        TargetKind::Outside(_) => (String::new(), false),
        TargetKind::Site { code, .. } => {
            let parts =
                code.iter().map(|(start, end)| format!("(call_site >= {start:#x} && call_site < {end:#x})"));
            (parts.collect::<Vec<_>>().join(" || "), false)
        }
    }
}

/// Whether the events name the cache.
pub fn is_by_name(planned: &[Planned]) -> bool {
    planned.iter().any(|event| event.filter.trim_start_matches('(').starts_with("name"))
}

fn need(format: &EventFormat, event: &str, field: &str) -> Result<Field> {
    format.field(field).ok_or_else(|| lacks(&format!("the field `{field}`"), event))
}

fn lacks(what: &str, event: &str) -> SourceError {
    SourceError::Unavailable {
        what: format!("{what} of the tracepoint {event}"),
        why: "this kernel's tracepoints are not those that poolmon knows (4.10 to 7.3)".into(),
        remedy: "use bpftrace or perf, and report the kernel's version to poolmon's authors".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(id: u64, fields: &[&str]) -> EventFormat {
        let fields =
            fields.iter().zip(1..).map(|(name, n)| ((*name).to_owned(), Field { offset: n * 8, size: 8 }));
        let gfp = Gfp { dma: 1, reclaimable: 16, account: 0x40_0000 };
        EventFormat { id, fields: fields.collect(), gfp }
    }

    fn kernel(modern: bool) -> BTreeMap<&'static str, EventFormat> {
        let alloc = ["call_site", "ptr", "bytes_req", "bytes_alloc", "gfp_flags"];
        let free = ["call_site", "ptr"];
        let named = |fields: &[&'static str]| -> Vec<&'static str> {
            fields.iter().copied().chain(modern.then_some("name")).collect()
        };
        let mut all = BTreeMap::from([
            ("kmalloc", format(1, &alloc)),
            ("kfree", format(2, &free)),
            ("kmem_cache_alloc", format(3, &named(&alloc))),
            ("kmem_cache_free", format(4, &named(&free))),
        ]);
        if !modern {
            all.extend([("kmalloc_node", format(5, &alloc)), ("kmem_cache_alloc_node", format(6, &alloc))]);
        }
        all
    }

    fn target(kind: TargetKind) -> Target {
        Target { name: "x".into(), kinds: vec![kind], rows: Vec::new(), sharing: Vec::new() }
    }

    fn planned(kind: TargetKind, modern: bool) -> Vec<(&'static str, String, bool)> {
        let all = plan(&target(kind), &kernel(modern), true).unwrap();
        all.into_iter().map(|event| (event.name, event.filter, event.layout.is_alloc())).collect()
    }

    #[test]
    fn a_cache_on_a_new_kernel_by_its_name() {
        let kind = TargetKind::Named { name: "filp".into(), size: 256, object_size: Some(232) };
        let name = || "name == \"filp\"".to_owned();
        let wanted = [
            ("kfree", String::new(), false),
            ("kmem_cache_free", name(), false),
            ("kmem_cache_alloc", name(), true),
        ];
        assert_eq!(planned(kind, true), wanted);
    }

    #[test]
    fn a_cache_on_an_old_kernel_by_its_sizes_with_every_free() {
        let kind = TargetKind::Named { name: "filp".into(), size: 256, object_size: Some(232) };
        let size = || "bytes_alloc == 256 && bytes_req == 232".to_owned();
        let wanted = [
            ("kfree", String::new(), false),
            ("kmem_cache_free", String::new(), false),
            ("kmem_cache_alloc_node", size(), true),
            ("kmem_cache_alloc", size(), true),
        ];
        assert_eq!(planned(kind, false), wanted);
    }

    #[test]
    fn a_general_cache_by_its_size() {
        let general = || TargetKind::General { size: 64, class: Class::Normal };
        let size = || "bytes_alloc == 64".to_owned();
        assert_eq!(planned(general(), true), [("kfree", String::new(), false), ("kmalloc", size(), true)]);
        assert_eq!(planned(general(), false).len(), 3);
        // Before Linux 5.14, and with cgroup.memory=nokmem, what is counted for control groups is in the normal caches.
        for (accounted, bit) in [(true, 0x40_0000), (false, 0)] {
            let all = plan(&target(general()), &kernel(true), accounted).unwrap();
            let Layout::Alloc { class: Some((_, gfp, _)), .. } = all[1].layout else { panic!("{all:?}") };
            assert_eq!((gfp.account, gfp.reclaimable), (bit, 16));
        }
    }

    #[test]
    fn several_caches_by_any_of_their_filters() {
        let named = |name: &str| TargetKind::Named { name: name.into(), size: 64, object_size: None };
        let general = |size| TargetKind::General { size, class: Class::Normal };
        let mut target = target(named("a"));
        target.kinds.extend([named("b"), general(64), general(96)]);
        let all = plan(&target, &kernel(true), true).unwrap();
        let filters: Vec<_> = all.iter().map(|event| (event.name, event.filter.as_str())).collect();
        let (by_names, by_sizes) =
            ("(name == \"a\") || (name == \"b\")", "(bytes_alloc == 64) || (bytes_alloc == 96)");
        let wanted = [
            ("kfree", ""),
            ("kmem_cache_free", by_names),
            ("kmem_cache_alloc", by_names),
            ("kmalloc", by_sizes),
        ];
        assert_eq!(filters, wanted);
        assert!(is_by_name(&all) && matches!(all[3].layout, Layout::Alloc { class: Some(_), .. }));
        // Without names in the events, every free is followed.
        let old = plan(&target, &kernel(false), true).unwrap();
        assert!(old.iter().all(|event| !matches!(event.layout, Layout::Free { .. })), "{old:?}");
    }

    #[test]
    fn a_line_of_the_source_by_the_code_that_allocates() {
        let code = vec![(0x1000, 0x1080), (0x2000, 0x2010)];
        let kind = || TargetKind::Site { function: "f".into(), module: None, code: code.clone() };
        let filter = || {
            "(call_site >= 0x1000 && call_site < 0x1080) || (call_site >= 0x2000 && call_site < 0x2010)"
                .to_owned()
        };
        let wanted = [
            ("kfree", String::new(), false),
            ("kmem_cache_free", String::new(), false),
            ("kmem_cache_alloc", filter(), true),
            ("kmalloc", filter(), true),
        ];
        assert_eq!(planned(kind(), true), wanted);
        assert_eq!(planned(kind(), false).len(), 6);
        let all = plan(&target(kind()), &kernel(true), true).unwrap();
        assert!(
            all.iter().all(|event| matches!(
                event.layout,
                Layout::FreeOfAny { .. } | Layout::Alloc { class: None, .. }
            )),
            "{all:?}"
        );
    }

    #[test]
    fn memory_outside_of_caches() {
        let mut formats = BTreeMap::from([
            ("mm_page_alloc", format(1, &["pfn", "order"])),
            ("mm_page_free", format(2, &["pfn", "order"])),
            ("percpu_alloc_percpu", format(3, &["size", "ptr", "bytes_alloc"])),
            ("percpu_free_percpu", format(4, &["ptr"])),
        ]);
        let of = |outside, formats: &_| plan(&target(TargetKind::Outside(outside)), formats, true);
        let names = |planned: &[Planned]| -> Vec<_> {
            planned.iter().map(|event| (event.name, event.layout.is_alloc())).collect()
        };
        assert_eq!(
            names(&of(Outside::Pages, &formats).unwrap()),
            [("mm_page_free", false), ("mm_page_alloc", true)]
        );
        let bytes = |formats: &_| match of(Outside::PerCpu, formats).unwrap()[1].layout {
            Layout::Alloc { bytes, .. } => bytes.offset,
            other => panic!("{other:?}"),
        };
        assert_eq!(bytes(&formats), 24);
        formats.insert("percpu_alloc_percpu", format(3, &["size", "ptr"]));
        assert_eq!(bytes(&formats), 8, "before 6.0");
        let error = of(Outside::Vmalloc, &formats).unwrap_err().to_string();
        assert!(error.contains("free_vmap_area_noflush"), "{error}");
    }

    #[test]
    fn a_kernel_that_lacks_something_is_refused() {
        let kind = TargetKind::Named { name: "filp".into(), size: 256, object_size: None };
        assert!(plan(&target(kind.clone()), &BTreeMap::new(), true).is_err());
        let mut formats = kernel(true);
        formats.insert("kmem_cache_alloc", format(3, &["ptr"]));
        let error = plan(&target(kind), &formats, true).unwrap_err().to_string();
        assert!(error.contains("`bytes_alloc`") && error.contains("kmem_cache_alloc"), "{error}");
    }
}
