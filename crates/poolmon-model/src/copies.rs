//! Copies of a slab cache that are one to a person: Linux 6.6 and later spread general caches over `kmalloc-rnd-01-64` to
//! `kmalloc-rnd-15-64` beside `kmalloc-64` (`CONFIG_RANDOM_KMALLOC_CACHES`).
//!
//! Which one a call of `kmalloc` takes depends on its place in the code and on a number chosen at boot: one call site always
//! fills the same copy.

use crate::{Pool, Row, Sample, Tag};

/// Copies of each size, the plain cache among them.
pub const COPIES: usize = 16;

/// The number and the size in the name of a copy: `kmalloc-rnd-05-64` is `("05", "64")`.
pub fn random_copy(name: &str) -> Option<(&str, &str)> {
    let (number, size) = name.strip_prefix("kmalloc-rnd-")?.split_once('-')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && !size.is_empty()).then_some((number, size))
}

/// Joins the copies of each size into one row, `kmalloc-rnd-*-64`, in the place of the first. Returns how many such rows there
/// are. A sample whose source reported changes stays as it is.
pub fn fold(sample: &mut Sample) -> usize {
    if !sample.reported_deltas.is_empty() {
        return 0;
    }
    let width = sample.width;
    let mut joined: Vec<(String, Pool, usize)> = Vec::new();
    let mut rows: Vec<Row> = Vec::with_capacity(sample.rows.len());
    for row in sample.rows.drain(..) {
        let Some(size) = size(&row) else {
            rows.push(row);
            continue;
        };
        if let Some(&(.., at)) = joined.iter().find(|(known, pool, _)| *known == size && *pool == row.pool) {
            if let Some(sum) = rows.get_mut(at) {
                sum.counters.inexact |= row.counters.inexact;
                sum.counters.add(&row.counters, width);
            }
        } else {
            let tag = Tag::name(&format!("kmalloc-rnd-*-{size}"));
            joined.push((size, row.pool, rows.len()));
            rows.push(Row { tag, ..row });
        }
    }
    sample.rows = rows;
    joined.len()
}

fn size(row: &Row) -> Option<String> {
    let Tag::Name(name) = &row.tag else { return None };
    random_copy(name).map(|(_, size)| size.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Counters;

    fn row(name: &str, diff: i64, bytes: u64) -> Row {
        let counters = Counters { reported_diff: Some(diff), bytes: Some(bytes), ..Counters::default() };
        Row { tag: Tag::name(name), pool: Pool::Unreclaimable, counters, reported_owner: None }
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
