//! `big`: large allocations, which have no pool header and are in a table of their own.

use std::io;
use std::sync::Arc;

use poolmon_dump::{BigAllocation, BigPool, Dump};
use poolmon_model::units::{grouped, human_bytes};
use poolmon_model::{Labeler, Pool, PoolTag, Row, RowLabel, Tag};
use poolmon_print::json::OwnerJson;
use poolmon_print::schema;
use serde_json::{Value, json};

use super::{address, delimited};
use crate::columns::table;

/// How the list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BigFormat {
    /// Aligned text.
    Table,
    /// Comma-separated values.
    Csv,
    /// Tab-separated values.
    Tsv,
    /// One JSON object.
    Json,
}

const fn pool_id(pool: Option<Pool>) -> &'static str {
    match pool {
        Some(pool) => pool.id(),
        None => "-",
    }
}

/// The allocations of a tag.
pub fn one_tag(
    out: &mut dyn io::Write,
    dump: &Dump,
    big: &BigPool,
    tag: PoolTag,
    format: BigFormat,
    limit: usize,
) -> io::Result<()> {
    let shown = || big.allocations.iter().take(limit);
    let rows = |form: &dyn Fn(&BigAllocation) -> Vec<String>, heading: &[&str]| {
        let mut rows = vec![heading.iter().map(|&title| title.to_owned()).collect()];
        rows.extend(shown().map(form));
        rows
    };
    let plain = |one: &BigAllocation| {
        let place = format!("{:#x}", one.address);
        let pool = one.pool.map(Pool::id).unwrap_or_default();
        vec![place, one.bytes.to_string(), pool.into(), one.protected.to_string()]
    };
    let heading = ["address", "bytes", "pool", "protected"];
    match format {
        BigFormat::Csv => delimited(out, &rows(&plain, &heading), b',')?,
        BigFormat::Tsv => delimited(out, &rows(&plain, &heading), b'\t')?,
        BigFormat::Table => {
            let text = |one: &BigAllocation| {
                let mark = if one.protected { "protected" } else { "" };
                let pool = pool_id(one.pool).to_owned();
                vec![address(dump, one.address), grouped(one.bytes), pool, mark.to_owned()]
            };
            table(out, &rows(&text, &["address", "bytes", "pool", ""]), &[1])?;
        }
        BigFormat::Json => {
            let list: Vec<Value> = shown()
                .map(|one| {
                    json!({
                        "address": format!("{:#x}", one.address),
                        "bytes": one.bytes,
                        "pool": one.pool.map(Pool::id),
                        "protected": one.protected,
                    })
                })
                .collect();
            let mut document = summary(big, schema::BIG_TAG);
            if let Some(map) = document.as_object_mut() {
                map.insert("tag".into(), json!(tag.to_string()));
                map.insert("allocations".into(), json!(list));
            }
            crate::json(out, &document)?;
        }
    }
    Ok(())
}

fn summary(big: &BigPool, schema: &str) -> Value {
    json!({
        "schema": schema,
        "count": big.allocations.len(),
        "bytes": total(big),
        "table": format!("{:#x}", big.table),
        "slots": big.slots,
        "absent_pages": big.absent.total(),
        "cut": big.cut,
    })
}

/// Bytes of all of them.
fn total(big: &BigPool) -> u64 {
    big.allocations.iter().fold(0, |sum, one| sum.saturating_add(one.bytes))
}

/// Allocations of one tag in one pool.
struct Sum {
    tag: PoolTag,
    pool: Option<Pool>,
    count: u64,
    bytes: u64,
    largest: u64,
}

fn by_tag(big: &BigPool) -> Vec<Sum> {
    let mut sums: std::collections::BTreeMap<(PoolTag, Option<Pool>), Sum> =
        std::collections::BTreeMap::new();
    for one in &big.allocations {
        let empty = Sum { tag: one.tag, pool: one.pool, count: 0, bytes: 0, largest: 0 };
        let sum = sums.entry((one.tag, one.pool)).or_insert(empty);
        sum.count += 1;
        sum.bytes = sum.bytes.saturating_add(one.bytes);
        sum.largest = sum.largest.max(one.bytes);
    }
    let mut sums: Vec<Sum> = sums.into_values().collect();
    sums.sort_by_key(|sum| std::cmp::Reverse(sum.bytes));
    sums
}

/// The sums of all tags.
pub fn sums(
    out: &mut dyn io::Write,
    big: &BigPool,
    format: BigFormat,
    limit: usize,
    owners: &dyn Labeler,
) -> io::Result<()> {
    let heading = ["tag", "pool", "count", "bytes", "largest", "owner"];
    let sums = by_tag(big);
    let shown = || sums.iter().take(limit);
    let plain = |sum: &Sum| {
        let label = label(owners, sum.tag, sum.pool)?;
        Some(label.parts()?.plain())
    };
    let bracketed = |sum: &Sum| owner(owners, sum.tag, sum.pool);
    let rows = |number: &dyn Fn(u64) -> String,
                unknown: &'static str,
                owner: &dyn Fn(&Sum) -> Option<String>| {
        let mut rows = vec![heading.map(str::to_owned).to_vec()];
        rows.extend(shown().map(|sum| {
            let owner = owner(sum).unwrap_or_default();
            let figures = [sum.count, sum.bytes, sum.largest].map(number);
            let [count, bytes, largest] = figures;
            vec![sum.tag.to_string(), sum.pool.map_or(unknown, Pool::id).into(), count, bytes, largest, owner]
        }));
        rows
    };
    match format {
        BigFormat::Csv => delimited(out, &rows(&|n| n.to_string(), "", &plain), b',')?,
        BigFormat::Tsv => delimited(out, &rows(&|n| n.to_string(), "", &plain), b'\t')?,
        BigFormat::Table => table(out, &rows(&grouped, "-", &bracketed), &[2, 3, 4])?,
        BigFormat::Json => {
            let list: Vec<Value> = shown()
                .map(|sum| {
                    let label = label(owners, sum.tag, sum.pool);
                    let owner = label.as_ref().and_then(|label| label.parts()).map(OwnerJson::from);
                    json!({
                        "tag": sum.tag.to_string(),
                        "pool": sum.pool.map(Pool::id),
                        "count": sum.count,
                        "bytes": sum.bytes,
                        "largest": sum.largest,
                        "owner": owner,
                    })
                })
                .collect();
            let mut document = summary(big, schema::BIG);
            if let Some(map) = document.as_object_mut() {
                map.insert("tags".into(), json!(list));
            }
            crate::json(out, &document)?;
        }
    }
    Ok(())
}

fn label(owners: &dyn Labeler, tag: PoolTag, pool: Option<Pool>) -> Option<Arc<RowLabel>> {
    owners.label(&Row::windows(Tag::Pool(tag), pool.unwrap_or(Pool::Nonpaged), 0, 0, 0))
}

/// For a person.
fn owner(owners: &dyn Labeler, tag: PoolTag, pool: Option<Pool>) -> Option<String> {
    label(owners, tag, pool).map(|label| label.mapped_driver.clone())
}

/// How many there are, whose, and what may be missing, a line each.
pub fn notes(big: &BigPool, tag: Option<PoolTag>, owners: &dyn Labeler) -> Vec<String> {
    let of = tag.map(|tag| format!(" of {tag}")).unwrap_or_default();
    let mut notes = vec![format!(
        "{} large allocations{of}, {}",
        grouped(big.allocations.len() as u64),
        human_bytes(total(big))
    )];
    if let Some(owner) = tag.and_then(|tag| owner(owners, tag, None)) {
        notes.push(format!("owner: {owner}"));
    }
    if big.absent.total() > 0 {
        notes.push(format!(
            "{} pages of their table are not in this dump: allocations in them are missing",
            grouped(big.absent.total())
        ));
    }
    if big.cut {
        notes.push("there were more allocations than are counted here".to_owned());
    }
    notes
}
