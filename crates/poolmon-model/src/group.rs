//! Rows grouped by what they have in common: their owner, their verdict, or the rows that grow in lockstep with them.

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::delta::Presence;
use crate::figure::FIGURES;
use crate::table::SortKey;
use crate::units::human_rate;
use crate::{
    CounterWidth, Counters, Delta, Gravity, Key, Pool, Row, RowVerdict, Sort, TableRow, Tag, column,
};

/// What the rows of a group have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupBy {
    /// The driver, module or part of the kernel.
    Owner,
    /// How grave their verdict is.
    Verdict,
    /// They grow by equal counts, or by whole multiples.
    Lockstep,
}

impl GroupBy {
    /// Every kind, in the order in which `g` walks through them.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Verdict, Self::Lockstep];

    /// Name on the command line and in JSON.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Verdict => "verdict",
            Self::Lockstep => "lockstep",
        }
    }

    /// Title of the column of names.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Owner => "Owner",
            Self::Verdict => "Verdict",
            Self::Lockstep => "Lockstep",
        }
    }

    /// The group that a row belongs to.
    pub fn name_of(self, row: &TableRow) -> Cow<'_, str> {
        match self {
            Self::Owner => owner(row).unwrap_or("unknown owner".into()),
            Self::Verdict => match row.gravity() {
                Some(Gravity::Leaking) => "leaks",
                Some(Gravity::Suspected) => "may leak",
                Some(Gravity::Growing) => "grows",
                // Not every such row grew: some fall back, or jumped once.
                Some(Gravity::Explained) => "explained",
                None => "no verdict",
            }
            .into(),
            Self::Lockstep => match row.verdict.as_ref().and_then(|verdict| verdict.lockstep.as_ref()) {
                Some(Key { tag, pool }) => format!("{} {pool}", tag.to_string().trim_end()).into(),
                None => "alone".into(),
            },
        }
    }
}

/// The owner's name. Names of files on Windows mean the same in either case.
fn owner(row: &TableRow) -> Option<Cow<'_, str>> {
    let name = row.owner_parts()?.name?;
    let folds = matches!(row.row.tag, Tag::Pool(_)) && name.contains(|c: char| c.is_ascii_uppercase());
    Some(if folds { name.to_ascii_lowercase().into() } else { name.into() })
}

/// What identifies a group from refresh to refresh.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKey {
    /// What its rows have in common.
    pub name: String,
    /// Its rows are call sites: the same memory as that of other rows, seen in another way, which no sum may count twice.
    pub sites: bool,
}

/// Rows that have something in common, and their sums.
#[derive(Clone, Debug)]
pub struct Group {
    /// Which group.
    pub key: GroupKey,
    /// Places of its rows, in the order of the table.
    pub rows: Vec<usize>,
    /// Kinds of memory that its rows hold, in order.
    pub pools: Vec<Pool>,
    /// The sums as a row, whose tag is the group's name. A figure is unknown unless all rows know it. The verdict stands for the
    /// gravest of the rows'.
    pub sum: TableRow,
    /// The sum of Diff has a row whose own is not exact.
    inexact_diff: bool,
}

impl Group {
    fn new(key: GroupKey, first: &TableRow) -> Self {
        let row = Row {
            tag: Tag::name(&key.name),
            pool: first.row.pool,
            counters: Counters::default(),
            reported_owner: None,
        };
        let (presence, width) = (first.presence, CounterWidth::Bits64);
        let sum = TableRow { row, width, delta: None, presence, label: None, verdict: None };
        Self { key, rows: Vec::new(), pools: Vec::new(), sum, inexact_diff: false }
    }

    /// Whether a column's sum is marked as inexact: if the value of one of its rows is, and the sum is known.
    pub fn is_marked(&self, column: &str) -> bool {
        if column == column::DIFF.id {
            self.inexact_diff && self.sum.diff().is_some()
        } else {
            self.sum.is_marked(column)
        }
    }

    /// Its kind of memory, if it has only one.
    pub fn pool(&self) -> Option<Pool> {
        if let [pool] = self.pools[..] { Some(pool) } else { None }
    }

    fn add(&mut self, at: usize, row: &TableRow) {
        self.rows.push(at);
        if let Err(place) = self.pools.binary_search(&row.row.pool) {
            self.pools.insert(place, row.row.pool);
        }
        self.sum.row.counters.add(&row.row.counters, row.width);
        // A counter that wrapped makes no bytes inexact.
        self.sum.row.counters.inexact |= row.row.counters.inexact;
        self.inexact_diff |= row.is_marked(column::DIFF.id);
        if let Some(delta) = &row.delta {
            self.sum.delta.get_or_insert_default().add(delta);
        }
        if self.sum.presence != row.presence {
            self.sum.presence = Presence::Steady;
        }
    }

    /// Forgets sums that miss a row, and sums up the verdicts.
    fn finish(&mut self, rows: &[TableRow]) {
        let mine = || self.rows.iter().filter_map(|&at| rows.get(at));
        let (mut counters, mut delta) = (self.sum.row.counters, self.sum.delta);
        for figure in FIGURES {
            if !mine().all(|row| (figure.get)(&row.row.counters, row.width).is_some()) {
                (figure.set)(&mut counters, None);
            }
            let known = |row: &TableRow| row.delta.as_ref().is_some_and(|it| (figure.change)(it).is_some());
            if let Some(delta) = &mut delta
                && !mine().all(known)
            {
                *(figure.change_mut)(delta) = None;
            }
        }
        let verdict = verdict(&mine().filter_map(|row| row.verdict.as_ref()));
        (self.sum.row.counters, self.sum.delta) = (counters, delta.filter(|it| *it != Delta::default()));
        self.sum.verdict = verdict;
    }
}

/// The gravest verdict: how many rows have one as grave, and their growth together. That a row of it leaks is no verdict on a group.
fn verdict<'a>(verdicts: &(impl Iterator<Item = &'a Arc<RowVerdict>> + Clone)) -> Option<Arc<RowVerdict>> {
    let gravest = verdicts.clone().max_by_key(|verdict| verdict.rank())?;
    let like = || verdicts.clone().filter(|verdict| verdict.gravity == gravest.gravity);
    let (count, rate) = like().fold((0_u64, 0_i64), |(count, rate), verdict| {
        (count + 1, rate.saturating_add(verdict.bytes_per_hour))
    });
    let does = match gravest.gravity {
        Gravity::Leaking if count == 1 => "leaks",
        Gravity::Leaking => "leak",
        Gravity::Suspected => "may leak",
        Gravity::Growing if count == 1 => "grows",
        Gravity::Growing => "grow",
        Gravity::Explained => "explained",
    };
    let brief = match gravest.gravity {
        Gravity::Explained => format!("{count} {does}"),
        _ => format!("{count} {does} {}", human_rate(rate as f64)),
    };
    let since = like().filter_map(|verdict| verdict.since).min();
    let gravity = gravest.gravity;
    Some(Arc::new(RowVerdict {
        gravity,
        brief,
        lines: Vec::new(),
        bytes_per_hour: rate,
        since,
        lockstep: None,
    }))
}

/// Groups the rows of a table. Groups are in the order that `sort` gives their sums, by name where these are equal; the rows of each
/// stay in the order of the table.
pub fn groups(rows: &[TableRow], by: GroupBy, sort: Sort) -> Vec<Group> {
    let mut found: FxHashMap<(bool, Cow<'_, str>), usize> = FxHashMap::default();
    let mut groups: Vec<Group> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let sites = row.row.pool == Pool::CallSite;
        let name = by.name_of(row);
        let place = *found.entry((sites, name)).or_insert_with_key(|(_, name)| {
            groups.push(Group::new(GroupKey { name: name.clone().into_owned(), sites }, row));
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(place) {
            group.add(at, row);
        }
    }
    for group in &mut groups {
        group.finish(rows);
    }
    let falling = sort.column.falling != sort.reversed;
    groups.sort_by(|a, b| a.key.cmp(&b.key));
    let by_name = [&column::TAG, &column::POOL, &column::DRIVER].into_iter().any(|text| sort.column.is(text));
    if by_name && falling {
        groups.reverse();
    } else if !by_name {
        let by_change = sort.by_change && sort.column.has_change();
        groups.sort_by_cached_key(|group| {
            let value =
                if by_change { sort.column.change(&group.sum) } else { sort.column.value(&group.sum) };
            SortKey::of(value, falling)
        });
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Filter, Origin, RowLabel, Sample, SourceKind, Table};
    use proptest::prelude::*;

    fn row(tag: &str, owner: Option<&str>, pool: Pool, counts: (u64, u64, u64)) -> Row {
        let (allocs, frees, bytes) = counts;
        let mut row = Row::windows(Tag::Pool(tag.parse().unwrap()), pool, allocs, frees, bytes);
        row.reported_owner = owner.map(Arc::from);
        row
    }

    fn table(before: Option<Vec<Row>>, now: Vec<Row>) -> Table {
        let sample = |rows| {
            let origin = Arc::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]));
            let mut sample = Sample::new(origin, CounterWidth::Bits32);
            sample.rows = rows;
            sample
        };
        Table::new(before.map(sample).as_ref(), &sample(now), &Filter::default(), None)
    }

    fn names(groups: &[Group]) -> Vec<&str> {
        groups.iter().map(|group| group.key.name.as_str()).collect()
    }

    #[test]
    fn owners_are_summed_over_pools_and_the_largest_comes_first() {
        let (n, p) = (Pool::Nonpaged, Pool::Paged);
        let before = vec![row("Ntfx", Some("ntfs.sys"), p, (10, 2, 700))];
        let now = vec![
            row("Ntfx", Some("ntfs.sys"), p, (12, 3, 900)),
            row("NtfF", Some("[Ntfs.sys - files]"), n, (4_294_967_290, 4_294_967_280, 100)),
            row("Leak", Some("myfault.sys"), n, (9, 1, 5000)),
            row("Abcd", None, n, (1, 0, 8)),
            row("Efgh", Some("Unknown Driver"), n, (1, 0, 8)),
        ];
        let table = table(Some(before), now);
        let groups = groups(&table.rows, GroupBy::Owner, Sort::by(&column::BYTES));
        assert_eq!(names(&groups), ["myfault.sys", "ntfs.sys", "unknown owner"]);
        let ntfs = &groups[1];
        assert_eq!((ntfs.rows.len(), ntfs.pools.as_slice(), ntfs.pool()), (2, [n, p].as_slice(), None));
        assert_eq!((ntfs.sum.row.counters.bytes, ntfs.sum.diff()), (Some(1000), Some(19)));
        let delta = ntfs.sum.delta.unwrap();
        assert_eq!(delta.bytes, Some(300), "what is new counts whole");
        assert_eq!(groups[2].rows.len(), 2);
        assert_eq!((groups[0].pool(), groups[0].sum.presence), (Some(n), Presence::New));
    }

    #[test]
    fn a_sum_that_misses_a_row_is_unknown() {
        let slab =
            Counters { bytes: Some(4096), used: Some(100), reported_diff: Some(5), ..Counters::default() };
        let area = Counters { bytes: Some(8192), reported_diff: Some(1), ..Counters::default() };
        let of = |name, pool, counters| Row {
            tag: Tag::name(name),
            pool,
            counters,
            reported_owner: Some("btrfs".into()),
        };
        let rows = vec![of("a", Pool::Reclaimable, slab), of("b", Pool::Vmalloc, area)];
        let table = table(None, rows);
        let groups = groups(&table.rows, GroupBy::Owner, Sort::default());
        let sum = &groups[0].sum;
        assert_eq!(
            (sum.row.counters.bytes, sum.row.counters.used, sum.diff()),
            (Some(12_288), None, Some(6))
        );
        assert_eq!((sum.row.counters.utilisation(), sum.delta), (None, None));
    }

    #[test]
    fn a_sum_is_marked_where_a_row_of_it_is_and_nowhere_else() {
        // A counter that wrapped: Diff is the kernel's clamp, bytes are exact.
        let clamped = row("a", Some("x.sys"), Pool::Paged, (7, 7, 96));
        let exact = row("b", Some("x.sys"), Pool::Paged, (3, 1, 64));
        let table = table(None, vec![clamped, exact]);
        let group = &groups(&table.rows, GroupBy::Owner, Sort::default())[0];
        let marked = |group: &Group| ["diff", "bytes", "used", "allocs"].map(|id| group.is_marked(id));
        assert_eq!(marked(group), [true, false, false, false]);
        assert_eq!((group.sum.row.counters.bytes, group.sum.row.counters.used), (Some(160), None));
        // The source rounds: what it reports is marked, what it does not is not there to be marked.
        let mut rounded = row("c", Some("x.sys"), Pool::Paged, (3, 1, 64));
        (rounded.counters.inexact, rounded.counters.reported_diff) = (true, Some(2));
        let table = self::table(None, vec![rounded, row("d", Some("x.sys"), Pool::Paged, (3, 1, 64))]);
        assert!(!table.rows[0].is_marked("used"));
        assert_eq!(
            marked(&groups(&table.rows, GroupBy::Owner, Sort::default())[0]),
            [true, true, false, false]
        );
    }

    #[test]
    fn memory_of_call_sites_is_not_counted_twice() {
        let counts = (3, 1, 64);
        let table = table(
            None,
            vec![
                row("a", Some("ext4"), Pool::Reclaimable, counts),
                row("b", Some("ext4"), Pool::CallSite, counts),
            ],
        );
        let groups = groups(&table.rows, GroupBy::Owner, Sort::by(&column::BYTES));
        assert_eq!(names(&groups), ["ext4", "ext4"]);
        assert!(groups.iter().all(|group| group.sum.row.counters.bytes == Some(64)));
        assert_ne!(groups[0].key, groups[1].key);
    }

    #[test]
    fn verdicts_are_counted_and_their_rates_summed() {
        let mut table =
            table(None, ["a", "b", "c", "d"].map(|tag| row(tag, None, Pool::Paged, (2, 1, 9))).into());
        let lockstep = Some(table.rows[0].row.key());
        let verdict = |gravity, rate: i64, lockstep| {
            let brief = human_rate(rate as f64);
            let lines = Vec::new();
            Some(Arc::new(RowVerdict { gravity, brief, lines, bytes_per_hour: rate, since: None, lockstep }))
        };
        table.rows[0].verdict = verdict(Gravity::Leaking, 1 << 20, lockstep.clone());
        table.rows[1].verdict = verdict(Gravity::Growing, 5 << 20, lockstep);
        table.rows[2].verdict = verdict(Gravity::Leaking, 2 << 20, None);
        let by_verdict = Sort::by(&column::VERDICT);
        let verdicts = groups(&table.rows, GroupBy::Verdict, by_verdict);
        assert_eq!(names(&verdicts), ["leaks", "grows", "no verdict"]);
        assert_eq!(verdicts[0].sum.verdict.as_ref().unwrap().brief, "2 leak 3.00 MiB/h");
        let together = groups(&table.rows, GroupBy::Lockstep, by_verdict);
        assert_eq!(names(&together), ["alone", "a Paged"]);
        assert_eq!(
            together[1].sum.verdict.as_ref().unwrap().brief,
            "1 leaks 1.00 MiB/h",
            "of the gravest alone"
        );
        assert_eq!(together[1].sum.verdict.as_ref().unwrap().lockstep, None, "no verdict of a row");
    }

    #[test]
    fn a_label_names_the_owner_before_the_row_does() {
        let mut table = table(None, vec![row("a", Some("x"), Pool::Paged, (2, 1, 9))]);
        let label = RowLabel { origin: Some(crate::owner::OwnerOrigin::Pooltag), ..RowLabel::default() };
        table.rows[0].label = Some(Arc::new(RowLabel { driver: Some("y.sys".into()), ..label.clone() }));
        assert_eq!(GroupBy::Owner.name_of(&table.rows[0]), "y.sys");
        table.rows[0].label = Some(Arc::new(RowLabel { description: Some("a tag".into()), ..label }));
        assert_eq!(GroupBy::Owner.name_of(&table.rows[0]), "unknown owner", "a description is no owner");
    }

    proptest! {
        #[test]
        fn every_row_is_in_one_group_and_sums_agree(
            figures in prop::collection::vec((0..4_usize, 0..3_usize, 0..1000_u64, 0..1_000_000_u64), 0..40),
            by in 0..3_usize,
        ) {
            let owners = [None, Some("a.sys"), Some("B.sys"), Some("[b.sys - x]")];
            let pools = [Pool::Nonpaged, Pool::Paged, Pool::CallSite];
            let rows = figures.iter().enumerate().map(|(n, &(owner, pool, allocs, bytes))| {
                row(&format!("{n}"), owners[owner], pools[pool], (allocs + 1, 0, bytes))
            });
            let table = table(None, rows.collect());
            let groups = groups(&table.rows, GroupBy::ALL[by], Sort::by(&column::BYTES));
            let mut places: Vec<usize> = groups.iter().flat_map(|group| group.rows.clone()).collect();
            places.sort_unstable();
            prop_assert_eq!(places, (0..table.rows.len()).collect::<Vec<_>>());
            let bytes = |row: &TableRow| row.row.counters.bytes.unwrap();
            for group in &groups {
                prop_assert_eq!(bytes(&group.sum), group.rows.iter().map(|&at| bytes(&table.rows[at])).sum::<u64>());
                prop_assert_eq!(group.sum.diff(), group.rows.iter().map(|&at| table.rows[at].diff()).sum());
            }
            prop_assert!(groups.is_sorted_by_key(|group| std::cmp::Reverse(bytes(&group.sum))));
        }
    }
}
