//! Copies of a slab cache that are one to a person: Linux 6.6 and later spread general caches over `kmalloc-rnd-01-64` to
//! `kmalloc-rnd-15-64` beside `kmalloc-64` (`CONFIG_RANDOM_KMALLOC_CACHES`).
//!
//! Which one a call of `kmalloc` takes depends on its place in the code and on a number chosen at boot: one call site always
//! fills the same copy.

use crate::{Row, Sample, Tag};

/// Copies of each size, the plain cache among them.
pub const COPIES: usize = 16;

/// What names of joined rows begin with.
const JOINED: &str = "kmalloc-rnd-*-";

/// The number and the size in the name of a copy: `kmalloc-rnd-05-64` is `("05", "64")`.
pub fn random_copy(name: &str) -> Option<(&str, &str)> {
    let (number, size) = name.strip_prefix("kmalloc-rnd-")?.split_once('-')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && !size.is_empty()).then_some((number, size))
}

/// The number and the size in the name of a row that is a copy.
pub fn copy_of(tag: &Tag) -> Option<(&str, &str)> {
    let Tag::Name(name) = tag else { return None };
    random_copy(name)
}

/// Whether a pattern for tags is one for single copies: `kmalloc-rnd-05-64`, `kmalloc-rnd-0?-*`.
pub fn names_a_copy(pattern: &str) -> bool {
    let number = pattern.strip_prefix("kmalloc-rnd-").and_then(|rest| rest.bytes().next());
    number.is_some_and(|byte| byte.is_ascii_digit() || byte == b'?')
}

/// The size in the name of a row that stands for all copies of it: `kmalloc-rnd-*-64` is `64`.
pub fn joined_size(tag: &Tag) -> Option<&str> {
    let Tag::Name(name) = tag else { return None };
    name.strip_prefix(JOINED)
}

/// One row for the copies of each size, `kmalloc-rnd-*-64`, and the place of the first copy. Without copies it is empty and
/// allocates nothing.
pub fn joined(sample: &Sample) -> Vec<(usize, Row)> {
    let mut joined: Vec<(usize, Row)> = Vec::new();
    for (at, row) in sample.rows.iter().enumerate() {
        let Some(size) = size(row) else { continue };
        let is_same = |sum: &Row| sum.pool == row.pool && joined_size(&sum.tag) == Some(size);
        if let Some((_, sum)) = joined.iter_mut().find(|(_, sum)| is_same(sum)) {
            sum.counters.inexact |= row.counters.inexact;
            sum.counters.add(&row.counters, sample.width);
        } else {
            joined.push((at, Row { tag: Tag::name(&format!("{JOINED}{size}")), ..row.clone() }));
        }
    }
    joined
}

/// Joins the copies of each size into one row in the place of the first. Returns how many such rows there are. A sample whose
/// source reported changes stays as it is.
pub fn fold(sample: &mut Sample) -> usize {
    if !sample.reported_deltas.is_empty() {
        return 0;
    }
    let joined = joined(sample);
    let count = joined.len();
    if count > 0 {
        let mut sums = joined.into_iter().peekable();
        let rows = std::mem::take(&mut sample.rows);
        for (at, row) in rows.into_iter().enumerate() {
            if let Some((_, sum)) = sums.next_if(|(first, _)| *first == at) {
                sample.rows.push(sum);
            } else if size(&row).is_none() {
                sample.rows.push(row);
            }
        }
    }
    count
}

fn size(row: &Row) -> Option<&str> {
    copy_of(&row.tag).map(|(_, size)| size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counters, Pool};

    fn row(name: &str, diff: i64, bytes: u64) -> Row {
        let counters = Counters { reported_diff: Some(diff), bytes: Some(bytes), ..Counters::default() };
        Row { tag: Tag::name(name), pool: Pool::Unreclaimable, counters, reported_owner: None }
    }

    #[test]
    fn patterns_of_single_copies() {
        for (pattern, is_one) in [
            ("kmalloc-rnd-05-64", true),
            ("kmalloc-rnd-0*", true),
            ("kmalloc-rnd-??-64", true),
            ("kmalloc-rnd-*", false),
            ("kmalloc-*", false),
        ] {
            assert_eq!(names_a_copy(pattern), is_one, "{pattern}");
        }
    }

    #[test]
    fn copies_of_a_size_are_one_row() {
        let mut sample = Sample::empty();
        sample.rows = vec![
            row("kmalloc-rnd-01-64", 1, 4096),
            row("dentry", 5, 8192),
            row("kmalloc-rnd-15-64", 2, 8192),
            row("kmalloc-rnd-01-2k", 3, 4096),
            row("kmalloc-rnd-mine", 1, 1),
        ];
        assert_eq!(fold(&mut sample), 2);
        let rows: Vec<_> = sample
            .rows
            .iter()
            .map(|row| {
                (row.tag.to_string(), row.counters.reported_diff.unwrap(), row.counters.bytes.unwrap())
            })
            .collect();
        assert_eq!(
            rows,
            [
                ("kmalloc-rnd-*-64".to_owned(), 3, 12_288),
                ("dentry".to_owned(), 5, 8192),
                ("kmalloc-rnd-*-2k".to_owned(), 3, 4096),
                ("kmalloc-rnd-mine".to_owned(), 1, 1),
            ]
        );
    }
}
