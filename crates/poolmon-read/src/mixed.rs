//! Files of several kinds or machines in one series: what cannot be judged together is kept apart, and named.

use std::collections::BTreeMap;

use poolmon_model::Pool;

use crate::part::{Part, TimeFrom};
use crate::{FileFormat, Holds, Remark, RemarkKind};

/// What a file's rows are: only rows of one kind, of one machine, are a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RowKind {
    /// `None` for figures of the machine.
    measure: Option<Measure>,
    /// In lower case, if the file names it.
    host: Option<String>,
}

/// What the figures of rows mean. Those that most people have in mind come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Measure {
    /// Tags of Windows pools.
    Tags,
    /// Slab caches with their pages.
    Caches,
    /// Slab caches by the objects alone, as `vmstat -m` knows no pages.
    Objects,
    CallSites,
    Areas,
}

/// What the rows of a file are, by the first of them.
pub(crate) fn kind(format: &FileFormat, pool: Option<Pool>, host: Option<&str>) -> RowKind {
    let measure = pool.map(|pool| match pool {
        Pool::Nonpaged | Pool::Paged => Measure::Tags,
        Pool::Reclaimable | Pool::Unreclaimable if format.id == "vmstat-m" => Measure::Objects,
        Pool::Reclaimable | Pool::Unreclaimable => Measure::Caches,
        Pool::CallSite => Measure::CallSites,
        // The last three have no rows that a file could list.
        Pool::Vmalloc | Pool::KernelStack | Pool::PageTables | Pool::PerCpu => Measure::Areas,
    });
    RowKind { measure, host: host.map(str::to_lowercase) }
}

impl RowKind {
    /// The machine that the file itself names, in lower case.
    pub(crate) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }
}

/// Leaves the parts whose rows belong together: those of the kind, then of the machine, that most of the text is of. What is left out
/// is named. Figures of the machine belong to any.
pub(crate) fn leave_one_kind(parts: &mut Vec<Part>, remarks: &mut Vec<Remark>) {
    if let Some(measure) = most(parts, |kind| kind.measure) {
        leave(parts, remarks, |part| {
            let other = part.kind.as_ref()?.measure?;
            (other != measure).then(|| "its rows are of another kind than those that are read".to_owned())
        });
        // The date of a folder is when its report was unpacked.
        let is_dated = |part: &Part| part.time_from != TimeFrom::FileDate || part.input.files().is_none();
        if parts.iter().any(is_dated) {
            let reason = || Some("when it was taken is unknown".to_owned());
            leave(parts, remarks, |part| if is_dated(part) { None } else { reason() });
        }
    }
    if let Some(host) = host(parts) {
        leave_host(parts, &host, remarks);
    }
}

/// The machine that most of the text is of.
pub(crate) fn host(parts: &[Part]) -> Option<String> {
    most(parts, |kind| kind.host.clone())
}

/// Leaves the parts of a machine, and those that do not name theirs.
pub(crate) fn leave_host(parts: &mut Vec<Part>, host: &str, remarks: &mut Vec<Remark>) {
    leave(parts, remarks, |part| {
        let other = part.kind.as_ref()?.host.as_ref().filter(|other| *other != host)?;
        Some(format!("it is of another machine ({other}, not {host})"))
    });
}

/// What the most text is about: one stray snapshot is no reason to leave out a log of weeks. If that is equal, what comes first.
fn most<T: Ord + Clone>(parts: &[Part], of: impl Fn(&RowKind) -> Option<T>) -> Option<T> {
    let mut sizes: BTreeMap<T, u64> = BTreeMap::new();
    for part in parts {
        if let Some(one) = part.kind.as_ref().and_then(&of) {
            *sizes.entry(one).or_default() += part.input.length();
        }
    }
    let largest = sizes.values().max().copied()?;
    sizes.into_iter().find(|(_, size)| *size == largest).map(|(one, _)| one)
}

/// Leaves out parts for a reason; parts with the same format and reason are named in one remark.
fn leave(parts: &mut Vec<Part>, remarks: &mut Vec<Remark>, reason: impl Fn(&Part) -> Option<String>) {
    let mut groups: Vec<(&'static str, String, Vec<String>)> = Vec::new();
    parts.retain(|part| {
        let Some(reason) = part.kind.as_ref().and_then(|_| reason(part)) else { return true };
        let (title, name) = (part.format.title, part.input.name().to_owned());
        match groups.iter_mut().find(|group| (group.0, &group.1) == (title, &reason)) {
            Some(group) => group.2.push(name),
            None => groups.push((title, reason, vec![name])),
        }
        false
    });
    let text = |(title, reason, names): (&str, String, Vec<String>)| {
        let files = named(&names);
        format!(
            "left out: {files}: {title}: {reason}; read {} alone",
            if names.len() == 1 { "it" } else { "them" }
        )
    };
    remarks.extend(groups.into_iter().map(|group| Remark::new(RemarkKind::FileLeftOut, text(group))));
}

/// `a.log and 13 more`.
pub(crate) fn named(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

/// The remark on files without rows, where only rows can be read.
pub(crate) fn without_rows(parts: &[Part]) -> Option<Remark> {
    let names: Vec<String> = parts.iter().map(|part| part.input.name().to_owned()).collect();
    let text = format!("left out: {}: figures of the machine without rows", named(&names));
    (!names.is_empty()).then(|| Remark::new(RemarkKind::FileLeftOut, text))
}

/// Whether a part holds figures of the machine and no rows.
pub(crate) fn is_total(part: &Part) -> bool {
    part.format.holds == Holds::Totals
}
