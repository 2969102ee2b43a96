//! The figures of one row, each known or *not reported by this system*.

/// How wide the system keeps its alloc and free counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CounterWidth {
    /// Windows before 26H1 (`SystemPoolTagInformation`): low 32 bits of each count, wrapping at 4,294,967,296.
    #[default]
    Bits32,
    /// Counters that do not wrap in practice.
    Bits64,
}

/// The figures of one row. `None` = the source does not report this figure; it is shown as `-`, never as 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Allocations since boot.
    pub allocs: Option<u64>,
    /// Frees since boot.
    pub frees: Option<u64>,
    /// Outstanding allocations, if the source reports them itself; see [`Counters::diff`].
    pub reported_diff: Option<i64>,
    /// Bytes held now. For a slab cache: whole pages.
    pub bytes: Option<u64>,
    /// Bytes in live objects, if the source reports them apart from what is held.
    pub used: Option<u64>,
    /// Bytes per allocation, where the source prints it itself (logs); used only to check the row.
    pub reported_per_alloc: Option<u64>,
    /// The source itself says that its figures are incomplete or rounded.
    pub inexact: bool,
}

impl Counters {
    /// The three figures that Windows reports.
    pub const fn windows(allocs: u64, frees: u64, bytes: u64) -> Self {
        Self {
            allocs: Some(allocs),
            frees: Some(frees),
            reported_diff: None,
            bytes: Some(bytes),
            used: None,
            reported_per_alloc: None,
            inexact: false,
        }
    }

    /// Outstanding allocations: as the source reported them, else Allocs − Frees.
    ///
    /// 32-bit counters are subtracted modulo 2³²: after a wrap of Allocs alone the difference is still right. `None` if more was freed
    /// than allocated and no wrap explains it.
    pub fn diff(&self, width: CounterWidth) -> Option<i64> {
        if self.reported_diff.is_some() {
            return self.reported_diff;
        }
        let (allocs, frees) = (self.allocs?, self.frees?);
        Some(match width {
            CounterWidth::Bits32 if allocs < frees && u32::try_from(frees).is_ok() => {
                i64::from(self.wrapped(allocs, frees)?)
            }
            _ => allocs.wrapping_sub(frees).cast_signed(),
        })
    }

    /// Allocs − Frees after a wrap of Allocs. Each allocation holds a byte at least, and fewer than half of all that can be counted are
    /// outstanding: otherwise there was no wrap.
    fn wrapped(&self, allocs: u64, frees: u64) -> Option<u32> {
        let live = low32(allocs).wrapping_sub(low32(frees));
        let holds = self.inexact || self.used.or(self.bytes).is_none_or(|bytes| bytes >= live.into());
        (holds && live <= u32::MAX / 2).then_some(live)
    }

    /// Whether more was freed than allocated, and no wrap of a 32-bit counter explains it.
    pub fn frees_exceed_allocs(&self) -> bool {
        let (Some(allocs), Some(frees)) = (self.allocs, self.frees) else { return false };
        frees > allocs && (u32::try_from(frees).is_err() || self.wrapped(allocs, frees).is_none())
    }

    /// Bytes ÷ Diff, cut to a whole number as PoolMon does; 0 if nothing is outstanding.
    pub fn per_alloc(&self, width: CounterWidth) -> Option<u64> {
        let bytes = self.used.or(self.bytes)?;
        let diff = u64::try_from(self.diff(width)?).unwrap_or(0);
        Some(bytes.checked_div(diff).unwrap_or(0))
    }

    /// Share of the held bytes that live objects fill, 0.0 to 1.0.
    pub fn utilisation(&self) -> Option<f64> {
        let (used, bytes) = (self.used?, self.bytes?);
        (bytes > 0).then(|| used as f64 / bytes as f64)
    }

    /// The source says so ([`Counters::inexact`]), or bytes are held while nothing is outstanding: the kernel clamped a
    /// truncated counter (Allocs < Frees after a wrap makes it report Allocs = Frees). Such a difference is marked, not
    /// shown as fact.
    pub fn is_inexact(&self, width: CounterWidth) -> bool {
        self.inexact || self.is_clamped(width)
    }

    /// Whether Diff is not exact: clamped, or a figure of a source that rounds. Where Allocs and Frees are known it follows from them.
    pub fn is_diff_inexact(&self, width: CounterWidth) -> bool {
        let derived = self.reported_diff.is_none() && self.allocs.is_some() && self.frees.is_some();
        self.is_clamped(width) || (self.inexact && !derived)
    }

    fn is_clamped(&self, width: CounterWidth) -> bool {
        width == CounterWidth::Bits32
            && self.used.is_none()
            && self.allocs.is_some()
            && self.diff(width) == Some(0)
            && self.bytes.unwrap_or(0) > 0
    }

    /// A reported Diff that is not Allocs − Frees (a log with a typing error, or a wrapped counter).
    pub fn diff_disagrees(&self) -> bool {
        let (Some(reported), Some(allocs), Some(frees)) = (self.reported_diff, self.allocs, self.frees)
        else {
            return false;
        };
        let plain = allocs.wrapping_sub(frees).cast_signed();
        let wrapped = i64::from(low32(allocs).wrapping_sub(low32(frees)));
        reported != plain && reported != wrapped
    }
}

/// The low 32 bits: what class 22 keeps of a counter.
#[expect(clippy::cast_possible_truncation, reason = "cutting is the point")]
pub(crate) const fn low32(value: u64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poolmons_arithmetic() {
        let wait = Counters::windows(3_971_107, 3_971_077, 8456);
        assert_eq!(wait.diff(CounterWidth::Bits32), Some(30));
        assert_eq!(wait.per_alloc(CounterWidth::Bits32), Some(281));
        let none = Counters::windows(5, 5, 0);
        assert_eq!(none.per_alloc(CounterWidth::Bits32), Some(0));
    }

    #[test]
    fn allocs_wrapped_frees_not_yet() {
        let row = Counters::windows(10, u64::from(u32::MAX) - 9, 640);
        assert_eq!(row.diff(CounterWidth::Bits32), Some(20));
        assert_eq!(row.diff(CounterWidth::Bits64), Some(20 - (1_i64 << 32)));
    }

    #[test]
    fn more_frees_than_allocs_are_no_wrap() {
        let odd = Counters::windows(5, 10, 100);
        assert_eq!((odd.diff(CounterWidth::Bits32), odd.per_alloc(CounterWidth::Bits32)), (None, None));
        assert!(odd.frees_exceed_allocs() && !Counters::windows(10, 5, 100).frees_exceed_allocs());
        assert!(!Counters::windows(10, u64::from(u32::MAX) - 9, 640).frees_exceed_allocs());
        // Twenty allocations do not fit into ten bytes; without bytes, four billion are too many.
        assert!(Counters::windows(10, u64::from(u32::MAX) - 9, 10).frees_exceed_allocs());
        let bare = |allocs, frees| Counters { bytes: None, ..Counters::windows(allocs, frees, 0) };
        assert_eq!(bare(5, 10).diff(CounterWidth::Bits32), None);
        assert_eq!(bare(5, u64::from(u32::MAX)).diff(CounterWidth::Bits32), Some(6));
    }

    #[test]
    fn unknown_is_not_zero() {
        let slab =
            Counters { reported_diff: Some(12), bytes: Some(4096), used: Some(3840), ..Counters::default() };
        assert_eq!(slab.allocs, None);
        assert_eq!(slab.per_alloc(CounterWidth::Bits64), Some(320));
        assert_eq!(slab.utilisation(), Some(0.9375));
        assert_eq!(Counters::default().diff(CounterWidth::Bits64), None);
    }

    #[test]
    fn clamped_counters_are_inexact() {
        assert!(Counters::windows(7, 7, 96).is_inexact(CounterWidth::Bits32));
        assert!(!Counters::windows(7, 7, 96).is_inexact(CounterWidth::Bits64));
        assert!(!Counters::windows(7, 7, 0).is_inexact(CounterWidth::Bits32));
        // Bytes in GB say nothing against Allocs and Frees.
        let rounded = Counters { inexact: true, ..Counters::windows(7, 5, 96) };
        assert!(rounded.is_inexact(CounterWidth::Bits32) && !rounded.is_diff_inexact(CounterWidth::Bits32));
        let reported = Counters { reported_diff: Some(2), allocs: None, ..rounded };
        assert!(reported.is_diff_inexact(CounterWidth::Bits32));
    }

    #[test]
    fn the_articles_rows_disagree() {
        let reported = |allocs, frees, diff| Counters {
            allocs: Some(allocs),
            frees: Some(frees),
            reported_diff: Some(diff),
            ..Counters::default()
        };
        assert!(reported(1473, 1002, 281).diff_disagrees());
        assert!(!reported(614, 441, 173).diff_disagrees());
        assert!(!reported(10, 4_294_967_286, 20).diff_disagrees(), "a wrapped difference is right");
    }
}
