//! What is odd in a text of Linux: counted while a sample is read, said with it.

use super::super::{DATE_ASSUMED, ZONE_ASSUMED};
use super::section::Section;
use super::stamp::Stamp;
use crate::remark::{CountedLines, Remark, RemarkKind};

/// What is noticed while one sample is read.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is something that is noticed or not")]
pub(super) struct Noticed {
    /// Rows that could not be read.
    pub(super) broken: CountedLines,
    /// Lines that belong to no list.
    pub(super) foreign: CountedLines,
    /// Lines that are too long.
    pub(super) long: CountedLines,
    /// Notes of crash on caches that it could not read.
    pub(super) notes: CountedLines,
    /// Caches of which crash knows no figure.
    pub(super) unknown: CountedLines,
    /// Rows whose name was cut.
    pub(super) cut_names: CountedLines,
    /// Rows whose names are the same, where they may have been cut.
    pub(super) same_names: CountedLines,
    /// Lines of `kmem -S` on single slabs.
    pub(super) details: u64,
    /// Call sites that the kernel marks as incomplete.
    pub(super) incomplete: u64,
    /// Rows with a rounded size.
    pub(super) rounded: bool,
    /// A second list of the same caches, which was not counted.
    pub(super) repeated: Option<Section>,
    /// Samples without rows that were left out.
    pub(super) only_totals: u64,
    /// Figures of `vmstat -m`.
    pub(super) lower_bounds: bool,
    /// The size of a page, if it is not the usual one.
    pub(super) page_size: Option<u64>,
    /// A general cache whose objects take far more than its name says, and how much.
    pub(super) padded: Option<(Vec<u8>, u64)>,
    /// A list whose header was lost.
    pub(super) headless: bool,
    /// Caches whose pool is unknown.
    pub(super) unsure: bool,
    /// The sample's time.
    pub(super) time: Option<Stamp>,
}

impl Noticed {
    /// The remarks. `is_report`: the text comes from a program that collects many other things as well.
    pub(super) fn say(&self, is_report: bool, into: &mut Vec<Remark>) {
        use RemarkKind::{Contradiction, NotUnderstood, Other, OtherRows, RowsMissing, TooLong};
        let foreign = self.foreign.remark_with_text(
            OtherRows,
            "line belongs to no list that is read here, and was skipped",
            "lines belong to no list that is read here, and were skipped",
        );
        let counted = [
            self.broken.remark_with_text(
                NotUnderstood,
                "row could not be read and was skipped",
                "rows could not be read and were skipped",
            ),
            self.long.remark(
                TooLong,
                "line longer than 1 MiB was skipped",
                "lines longer than 1 MiB were skipped",
            ),
            self.notes.remark(
                Contradiction,
                "note of crash: it could not read the whole of a cache",
                "notes of crash: it could not read the whole of some caches",
            ),
            self.unknown.remark(
                Contradiction,
                "cache has only unknown figures (`?`)",
                "caches have only unknown figures (`?`)",
            ),
            foreign.filter(|_| !is_report),
        ];
        into.extend(counted.into_iter().flatten().chain(self.names()));
        let mut say = |kind, text: String| into.push(Remark::new(kind, text));
        if self.details > 0 {
            let lines = if self.details == 1 { "line" } else { "lines" };
            say(
                OtherRows,
                format!("{} {lines} on single slabs skipped: `kmem -s` leaves them out", self.details),
            );
        }
        if self.incomplete > 0 {
            let sites = if self.incomplete == 1 { "call site is" } else { "call sites are" };
            say(
                Other,
                format!(
                    "{} {sites} incomplete (accurate:no): the kernel missed allocations",
                    self.incomplete
                ),
            );
        }
        if self.rounded {
            say(Other, "sizes are rounded (slabtop --human): save /proc/slabinfo for exact ones".into());
        }
        if self.lower_bounds {
            say(
                Other,
                "vmstat -m does not show how many pages a slab has: bytes are those of the objects alone"
                    .into(),
            );
        }
        if let Some(section) = self.repeated {
            say(
                OtherRows,
                format!("the same caches are listed twice: the list of {} was not counted", section.title()),
            );
        }
        if self.only_totals > 0 {
            let samples = if self.only_totals == 1 { "sample has" } else { "samples have" };
            say(
                OtherRows,
                format!(
                    "{} {samples} machine-wide figures but no caches, and was left out",
                    self.only_totals
                ),
            );
        }
        if let Some(size) = self.page_size {
            say(Other, format!("pages of {} KiB: as large as the objects of a slab need", size / 1024));
        }
        if let Some((name, size)) = &self.padded {
            let name = String::from_utf8_lossy(name);
            say(Other, format!("a debug kernel (KASAN, slub_debug): an object of {name} takes {size} bytes"));
        }
        if self.headless {
            say(
                RowsMissing,
                "the list has no header: it may be a part, and what it does not show is unknown, not empty"
                    .into(),
            );
        }
        if self.unsure {
            let text = "the text does not say which caches can be shrunk: those not known by name are shown as unreclaimable";
            say(Other, text.into());
        }
        into.extend(self.times());
    }

    /// The remarks on names that were cut.
    fn names(&self) -> impl Iterator<Item = Remark> + use<> {
        let remarks = [
            self.cut_names.remark_with_text(
                RemarkKind::CutShort,
                "name is cut at the edge of the line: it may be another cache",
                "names are cut at the edge of the line: they may be other caches",
            ),
            self.same_names.remark_with_text(
                RemarkKind::CutShort,
                "row has the name of another one, cut at the same place",
                "rows have the same name, cut at the edge of the line: several caches, whose figures are not known",
            ),
        ];
        remarks.into_iter().flatten()
    }

    /// Whether rows could not be read: what they hold is unknown.
    pub(super) fn has_broken_rows(&self) -> bool {
        !self.broken.is_empty() || !self.long.is_empty()
    }

    /// The remarks on lines of a text without a row.
    pub(super) fn unread(&self) -> impl Iterator<Item = Remark> + use<> {
        let kind = RemarkKind::NotUnderstood;
        let remarks = [
            self.broken.remark_with_text(kind, "row is cut or damaged", "rows are cut or damaged"),
            self.foreign.remark_with_text(kind, "line is no row", "lines are no rows"),
        ];
        remarks.into_iter().flatten()
    }

    /// The remarks on times.
    fn times(&self) -> impl Iterator<Item = Remark> + use<> {
        let said = |is: fn(Stamp) -> bool| self.time.is_some_and(is);
        let remarks = [
            said(|time| time.year_assumed).then(|| {
                let text = "the year of the times is not in the text: the last possible one is assumed";
                Remark::new(RemarkKind::Time, text)
            }),
            said(|time| time.date_assumed).then(|| Remark::new(RemarkKind::DateAssumed, DATE_ASSUMED)),
            said(|time| time.zone_assumed).then(|| Remark::new(RemarkKind::ZoneAssumed, ZONE_ASSUMED)),
        ];
        remarks.into_iter().flatten()
    }
}
