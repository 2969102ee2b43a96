//! How much kernel memory a holder keeps: what it holds, at what objects of their caches take.

use poolmon_model::{CounterWidth, Row};

use crate::{Counts, Entry, HolderId, Kind, Unit, links};

/// Bytes that one object of each kind takes, to be made again with each sample: in the caches that hold nothing else; of a kind that
/// shares every cache that it lives in, the least that it takes in one of them.
#[derive(Clone, Debug)]
pub struct Prices {
    bytes: [f64; Kind::ALL.len()],
    is_known: bool,
}

impl Prices {
    /// By the rows of a sample: their bytes and objects.
    pub fn new<'a>(rows: impl IntoIterator<Item = &'a Row>, width: CounterWidth) -> Self {
        let mut prices = Self { bytes: [0.0; Kind::ALL.len()], is_known: false };
        // Which of the caches that a kind is linked to it lives in may hang on the kernel or on its size: their sum is too much.
        let mut least = [f64::INFINITY; Kind::ALL.len()];
        for row in rows {
            let Some(link) = links::find(&row.tag) else { continue };
            let objects = row.counters.diff(width).filter(|objects| *objects > 0);
            let (Some(bytes), Some(objects)) = (row.counters.bytes, objects) else { continue };
            for &(kind, per) in link.kinds {
                let price = bytes as f64 / objects as f64 * per;
                let of_kind = if link.only { &mut prices.bytes } else { &mut least };
                if let Some(known) = of_kind.get_mut(kind as usize).filter(|_| is_paid_for(kind)) {
                    *known = if link.only { *known + price } else { known.min(price) };
                    prices.is_known = true;
                }
            }
        }
        for (price, least) in prices.bytes.iter_mut().zip(least) {
            if *price <= 0.0 && least.is_finite() {
                *price = least;
            }
        }
        prices
    }

    /// What the holder keeps: of a control group as the kernel counts it, else an estimate. `None` if nothing is known.
    pub fn bytes(&self, entry: &Entry) -> Option<u64> {
        let counts = &entry.counts;
        if let HolderId::ControlGroup { .. } = entry.holder.id {
            return of_group(counts);
        }
        let price = |(kind, count): (Kind, u64)| self.bytes.get(kind as usize).unwrap_or(&0.0) * count as f64;
        let objects: f64 = counts.held().map(price).sum();
        let tables = counts.get(Kind::PageTable);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "never negative; saturates"
        )]
        let objects = objects as u64;
        (self.is_known || tables.is_some()).then(|| objects.saturating_add(tables.unwrap_or(0)))
    }
}

/// Mapped files share what descriptors hold, a child's objects are its own, and the inode of an open file is there for all.
fn is_paid_for(kind: Kind) -> bool {
    !matches!(kind, Kind::MappedFile | Kind::Child | Kind::File)
}

/// Version 1 of control groups has the sum alone, version 2 its parts.
fn of_group(counts: &Counts) -> Option<u64> {
    let parts = counts.known().filter(|(kind, _)| kind.unit() == Unit::Bytes && *kind != Kind::GroupKernel);
    let sum = parts.fold(None, |sum: Option<u64>, (_, bytes)| Some(sum.unwrap_or(0).saturating_add(bytes)));
    counts.get(Kind::GroupKernel).or(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Holder;
    use poolmon_model::{Counters, Pool, Tag};

    fn row(name: &str, objects: i64, bytes: u64) -> Row {
        let counters = Counters { reported_diff: Some(objects), bytes: Some(bytes), ..Counters::default() };
        Row { tag: Tag::name(name), pool: Pool::Unreclaimable, counters, reported_owner: None }
    }

    fn entry(id: HolderId, figures: &[(Kind, u64)]) -> Entry {
        let mut counts = Counts::default();
        for (kind, count) in figures {
            counts.set(*kind, *count);
        }
        Entry { holder: Holder { id, name: "a".into() }, group: None, counts }
    }

    #[test]
    fn objects_at_the_price_of_their_caches() {
        let rows = [
            row("sock_inode_cache", 100, 100 * 1000),
            row("filp", 50, 50 * 256),
            row("TCP", 10, 10 * 2500),
            row("kmalloc-64", 1000, 64_000),
            row("kmalloc-96", 500, 48_000),
            row("ext4_inode_cache", 10, 10_000),
            row("UNIX", 0, 4096),
        ];
        let prices = Prices::new(&rows, CounterWidth::Bits64);
        let process = |figures: &[(Kind, u64)]| entry(HolderId::Process { pid: 1, start: 0 }, figures);
        let tcp = [(Kind::Descriptor, 4), (Kind::Socket, 3), (Kind::Tcp, 3), (Kind::PageTable, 4096)];
        assert_eq!(prices.bytes(&process(&tcp)), Some(4 * 256 + 3 * 1000 + 3 * 2500 + 4096));
        let others = [(Kind::File, 9), (Kind::MappedFile, 70), (Kind::Unix, 3)];
        assert_eq!(
            prices.bytes(&process(&others)),
            Some(0),
            "nothing that is there for all, or has no objects"
        );
        let queue = entry(HolderId::Queue { id: 7 }, &[(Kind::Message, 2_000_000)]);
        assert_eq!(prices.bytes(&queue), Some(128_000_000), "at least, and the messages of a queue are many");
        assert_eq!(prices.bytes(&process(&[(Kind::EventFd, 9)])), Some(9 * 64), "a cache that others share");
        let nothing = Prices::new(&[], CounterWidth::Bits64);
        assert_eq!(nothing.bytes(&process(&[(Kind::Tcp, 3)])), None);
    }

    #[test]
    fn control_groups_are_counted_by_the_kernel() {
        let prices = Prices::new(&[], CounterWidth::Bits64);
        let group = |figures: &[(Kind, u64)]| {
            prices.bytes(&entry(HolderId::ControlGroup { path: "/a".into() }, figures))
        };
        assert_eq!(group(&[(Kind::GroupKernel, 500)]), Some(500));
        assert_eq!(group(&[(Kind::GroupSlabReclaimable, 300), (Kind::GroupPercpu, 44)]), Some(344));
        assert_eq!(group(&[]), None);
    }
}
