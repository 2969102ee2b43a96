//! Whether the pool sizes in a text's memory lines can be true: the tags are what is measured row by row.
//!
//! Two things are met in logs of scripts: memory lines that were written once and repeated before every snapshot, and
//! sizes that are smaller than what the tags of the pool hold.

use std::cmp::Reverse;
use std::io::Cursor;

use poolmon_model::units::human_bytes;
use poolmon_model::{Header, Pool, Row, Sample, Tag};

use super::frame;
use super::input::{LineStep, Lines};
use super::memory;
use super::reader::SampleReader;
use crate::remark::{Remark, RemarkKind};
use crate::{Input, Result};

/// Snapshots that are compared to find memory lines that never change.
const MOST: usize = 32;
/// Memory lines are in K and are read a moment before the rows: less is no contradiction of lines that do not change.
const LEAST_CHANGE: u64 = 64 << 10;
/// What the tags may hold beyond the size of their pool, as the two are not read in the same instant.
const SLACK: u64 = 1 << 20;

const POOLS: [Pool; 2] = [Pool::Nonpaged, Pool::Paged];

/// What is known of a text's memory lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum HeaderTrust {
    /// Nothing speaks against them.
    #[default]
    Trusted,
    /// They are left as they are: this is the survey itself.
    Unasked,
    /// They are the same in snapshots whose tags differ.
    Constant,
    /// They were found to be wrong, and that was said.
    Dropped,
}

/// Pool sizes and the sums of the tags of one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PoolSizes {
    sizes: [Option<u64>; 2],
    sums: [u64; 2],
    listed: [bool; 2],
}

impl PoolSizes {
    /// Those of a sample; `None` if its memory lines do not have them.
    pub(super) fn of(sample: &Sample) -> Option<Self> {
        let sizes = sizes(&sample.header)?;
        // Both in one pass: this is done for each sample of a log.
        let (mut nonpaged, mut paged) = (0_u64, 0_u64);
        for row in &sample.rows {
            let sum = match row.pool {
                Pool::Nonpaged => &mut nonpaged,
                Pool::Paged => &mut paged,
                _ => continue,
            };
            *sum = sum.saturating_add(row.counters.bytes.unwrap_or(0));
        }
        let sums = [nonpaged, paged];
        Some(Self { sizes, sums, listed: POOLS.map(|pool| sample.coverage.lists_all(pool)) })
    }

    /// Whether the memory lines say the same of two snapshots whose tags say otherwise.
    pub(super) fn is_stale_beside(&self, other: &Self) -> bool {
        let pools = || self.sums.iter().zip(other.sums).zip(self.listed.iter().zip(other.listed));
        self.sizes == other.sizes
            && pools()
                .any(|((a, b), (a_listed, b_listed))| *a_listed && b_listed && a.abs_diff(b) >= LEAST_CHANGE)
    }

    /// The first pool that is smaller than what its tags hold.
    fn too_small(&self) -> Option<(Pool, u64, u64)> {
        let pools = POOLS.into_iter().zip(self.sizes).zip(self.sums);
        let mut pools = pools.filter_map(|((pool, size), sum)| Some((pool, size?, sum)));
        pools.find(|(_, size, sum)| *sum > size.saturating_add(size / 64).saturating_add(SLACK))
    }
}

fn sizes(header: &Header) -> Option<[Option<u64>; 2]> {
    let sizes = [header.pool_nonpaged, header.pool_paged];
    sizes.iter().any(Option::is_some).then_some(sizes)
}

/// Looks whether the memory lines of a file never change while its tags do. What can be read only once is not looked at:
/// there, the reader finds it on the way.
///
/// # Errors
/// The file cannot be read.
pub(super) fn survey(input: &Input) -> Result<HeaderTrust> {
    if !input.is_repeatable() || !may_be_constant(input.start()) {
        return Ok(HeaderTrust::Trusted);
    }
    let mut reader = SampleReader::new(input.name(), input.reader()?).with_trust(HeaderTrust::Unasked);
    let mut sample = Sample::empty();
    let mut first: Option<(PoolSizes, Snapshot)> = None;
    for _ in 0..MOST {
        // An error comes again when the file is read.
        let Ok(true) = reader.next_into(&mut sample) else { break };
        let Some((now, rows)) = PoolSizes::of(&sample).zip(Snapshot::of(&sample)) else { continue };
        match &first {
            None => first = Some((now, rows)),
            Some((first, _)) if first.sizes != now.sizes => break,
            Some((first, then)) if first.is_stale_beside(&now) || then.moved(&rows) => {
                return Ok(HeaderTrust::Constant);
            }
            Some(_) => {}
        }
    }
    Ok(HeaderTrust::Trusted)
}

/// Whether the first bytes have memory lines with pool sizes, all with the same ones.
fn may_be_constant(start: &[u8]) -> bool {
    let mut lines = Lines::new(Box::new(Cursor::new(start.to_vec())));
    if !lines.verdict().is_ok_and(|kind| kind == super::encoding::StartKind::Text) {
        return false;
    }
    let frame = frame::survey(lines.start());
    let mut first = None;
    while let Ok(step @ (LineStep::Line | LineStep::TooLong)) = lines.advance() {
        if step == LineStep::TooLong {
            continue;
        }
        let line = lines.line();
        let line = frame.as_ref().map_or(line.into(), |frame| frame.clean(line));
        if !memory::is_memory(&line) {
            continue;
        }
        let mut header = Header::default();
        memory::memory(&line, &mut header);
        match (first, sizes(&header)) {
            (_, None) => {}
            (None, now) => first = now,
            (Some(before), Some(now)) if before != now => return false,
            _ => {}
        }
    }
    first.is_some()
}

impl HeaderTrust {
    /// Takes pool sizes that cannot be true out of a sample; the remark says so once.
    pub(super) fn check(&mut self, sample: &mut Sample, next: Option<&Sample>) -> Option<Remark> {
        let sizes = sizes(&sample.header)?;
        let reason = match *self {
            Self::Unasked => return None,
            Self::Dropped => None,
            Self::Constant => Some(stale()),
            Self::Trusted => {
                let now = PoolSizes::of(sample)?;
                // The sums of the next snapshot matter only if its memory lines are the same.
                let same = next.filter(|next| self::sizes(&next.header) == Some(sizes));
                let beside = same.and_then(PoolSizes::of).is_some_and(|next| now.is_stale_beside(&next));
                match now.too_small() {
                    Some((pool, size, sum)) => Some(format!(
                        "the memory lines give {} to the {}, its tags hold {}",
                        human_bytes(size),
                        pool.long(),
                        human_bytes(sum)
                    )),
                    None if beside => Some(stale()),
                    None => return None,
                }
            }
        };
        *self = Self::Dropped;
        drop_sizes(sample);
        Some(not_used(&reason?, sample.coverage.is_partial()))
    }
}

/// Tags of a snapshot that are compared with those of others.
const LARGEST: usize = 16;

/// What the memory lines of a snapshot that is a file of its own say of the pools, and what its largest tags hold: it may be a part of a
/// list, which has no sums.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    sizes: [Option<u64>; 2],
    largest: Vec<(Tag, Pool, u64)>,
    is_partial: bool,
}

impl Snapshot {
    /// That of a sample; `None` if its memory lines do not say it.
    pub(crate) fn of(sample: &Sample) -> Option<Self> {
        let sizes = sizes(&sample.header)?;
        let held = |row: &Row| Some((row.tag.clone(), row.pool, row.counters.bytes?));
        let mut largest: Vec<_> = sample.rows.iter().filter_map(held).collect();
        largest.sort_by_key(|&(_, _, bytes)| Reverse(bytes));
        largest.truncate(LARGEST);
        Some(Self { sizes, largest, is_partial: sample.coverage.is_partial() })
    }

    /// Whether a tag holds another amount in the other one.
    fn moved(&self, other: &Self) -> bool {
        self.largest.iter().any(|(tag, pool, bytes)| {
            let there = other.largest.iter().find(|(other, of, _)| other == tag && of == pool);
            there.is_some_and(|(_, _, other)| bytes.abs_diff(*other) >= LEAST_CHANGE)
        })
    }
}

/// The remark about snapshots, each in a file of its own, all with the same memory lines although tags of theirs hold other amounts.
pub(crate) fn stale_files<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>) -> Option<Remark> {
    let mut snapshots = snapshots.into_iter();
    let first = snapshots.next()?;
    let (mut same, mut moved, mut is_partial) = (true, false, first.is_partial);
    for other in snapshots {
        same &= other.sizes == first.sizes;
        moved |= first.moved(other);
        is_partial |= other.is_partial;
    }
    (same && moved).then(|| not_used(&stale(), is_partial))
}

/// Takes pool sizes that cannot be true out of a sample.
pub(crate) fn drop_sizes(sample: &mut Sample) {
    sample.header.pool_nonpaged = None;
    sample.header.pool_paged = None;
}

fn not_used(reason: &str, is_partial: bool) -> Remark {
    let instead = if is_partial {
        "what the pools hold is unknown, as the lists leave out rows"
    } else {
        "each pool is the sum of its tags"
    };
    let text = format!("{reason}: these sizes are not used, {instead}");
    Remark::new(RemarkKind::Contradiction, text)
}

fn stale() -> String {
    "the pool sizes in the memory lines stay the same while the tags change".to_owned()
}
