//! `big`: large allocations, which have no pool header and stand in a table of their own.

use std::io::{self, Write as _};

use poolmon_dump::{BigAllocation, BigPool, Dump};
use poolmon_model::units::{grouped, human_bytes};
use poolmon_model::{Pool, PoolTag, Row, Tag};
use serde_json::{Value, json};

use super::{address, delimited, table};
use crate::app::owners;
use crate::app::owners::Known;
use crate::cli::dump::{BigArgs, ListFormat};
use crate::cli::groups::RowArgs;
use crate::{Exit, input};

/// Prints the allocations of a tag, largest first, or the sums of all tags; exit code 1 where some may be missing.
pub fn run(dump: &Dump, args: &BigArgs) -> anyhow::Result<()> {
    let mut big = dump.big_pool(args.tag).map_err(|error| input::dump::named(error, dump.path()))?;
    for said in big.warnings.iter().chain(&big.notes) {
        eprintln!("poolmon: {said}");
    }
    big.allocations.sort_by_key(|one| (std::cmp::Reverse(one.bytes), one.address));
    let owners = owners::load_or_find(&RowArgs::default())?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let limit = args.limit.unwrap_or(usize::MAX);
    if args.tag.is_some() {
        one_tag(&mut out, dump, &big, args, limit)?;
    } else {
        sums(&mut out, &big, args, limit, &owners)?;
    }
    out.flush()?;
    tell(&big, args.tag, &owners);
    if big.absent.total() == 0 && !big.cut { Ok(()) } else { Err(Exit(1).into()) }
}

const fn pool_id(pool: Option<Pool>) -> &'static str {
    match pool {
        Some(pool) => pool.id(),
        None => "-",
    }
}

fn one_tag(
    out: &mut dyn io::Write,
    dump: &Dump,
    big: &BigPool,
    args: &BigArgs,
    limit: usize,
) -> anyhow::Result<()> {
    let shown = || big.allocations.iter().take(limit);
    let rows = |form: &dyn Fn(&BigAllocation) -> Vec<String>, heading: &[&str]| {
        let mut rows = vec![heading.iter().map(|&title| title.to_owned()).collect()];
        rows.extend(shown().map(form));
        rows
    };
    let plain = |one: &BigAllocation| {
        let place = format!("{:#x}", one.address);
        vec![place, one.bytes.to_string(), pool_id(one.pool).into(), one.protected.to_string()]
    };
    let heading = ["address", "bytes", "pool", "protected"];
    match args.format {
        ListFormat::Csv => delimited(out, &rows(&plain, &heading), ',')?,
        ListFormat::Tsv => delimited(out, &rows(&plain, &heading), '\t')?,
        ListFormat::Table => {
            let text = |one: &BigAllocation| {
                let mark = if one.protected { "protected" } else { "" };
                let pool = pool_id(one.pool).to_owned();
                vec![address(dump, one.address), grouped(one.bytes), pool, mark.to_owned()]
            };
            table(out, &rows(&text, &["address", "bytes", "pool", ""]), &[1])?;
        }
        ListFormat::Json => {
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
            let mut document = summary(big);
            if let Some(map) = document.as_object_mut() {
                map.insert("tag".into(), json!(args.tag.map(|tag| tag.to_string())));
                map.insert("allocations".into(), json!(list));
            }
            serde_json::to_writer_pretty(&mut *out, &document)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

fn summary(big: &BigPool) -> Value {
    json!({
        "schema": "poolmon.big/1",
        "count": big.allocations.len(),
        "bytes": total(big),
        "table": format!("{:#x}", big.table),
        "slots": big.slots,
        "absent_pages": big.absent.total(),
        "cut": big.cut,
    })
}

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

fn sums(
    out: &mut dyn io::Write,
    big: &BigPool,
    args: &BigArgs,
    limit: usize,
    owners: &Known,
) -> anyhow::Result<()> {
    let heading = ["tag", "pool", "count", "bytes", "largest", "owner"];
    let sums = by_tag(big);
    let shown = || sums.iter().take(limit);
    let rows = |number: &dyn Fn(u64) -> String| {
        let mut rows = vec![heading.map(str::to_owned).to_vec()];
        rows.extend(shown().map(|sum| {
            let owner = owner(owners, sum.tag, sum.pool).unwrap_or_default();
            let figures = [sum.count, sum.bytes, sum.largest].map(number);
            let [count, bytes, largest] = figures;
            vec![sum.tag.to_string(), pool_id(sum.pool).into(), count, bytes, largest, owner]
        }));
        rows
    };
    match args.format {
        ListFormat::Csv => delimited(out, &rows(&|n| n.to_string()), ',')?,
        ListFormat::Tsv => delimited(out, &rows(&|n| n.to_string()), '\t')?,
        ListFormat::Table => table(out, &rows(&grouped), &[2, 3, 4])?,
        ListFormat::Json => {
            let list: Vec<Value> = shown()
                .map(|sum| {
                    json!({
                        "tag": sum.tag.to_string(),
                        "pool": sum.pool.map(Pool::id),
                        "count": sum.count,
                        "bytes": sum.bytes,
                        "largest": sum.largest,
                        "owner": owner(owners, sum.tag, sum.pool),
                    })
                })
                .collect();
            let mut document = summary(big);
            if let Some(map) = document.as_object_mut() {
                map.insert("tags".into(), json!(list));
            }
            serde_json::to_writer_pretty(&mut *out, &document)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

fn owner(owners: &Known, tag: PoolTag, pool: Option<Pool>) -> Option<String> {
    use poolmon_model::Labeler as _;
    let row = Row::windows(Tag::Pool(tag), pool.unwrap_or(Pool::Nonpaged), 0, 0, 0);
    owners.label(&row).map(|label| label.mapped_driver.clone())
}

fn tell(big: &BigPool, tag: Option<PoolTag>, owners: &Known) {
    let of = tag.map(|tag| format!(" of {tag}")).unwrap_or_default();
    eprintln!(
        "poolmon: {} large allocations{of}, {}",
        grouped(big.allocations.len() as u64),
        human_bytes(total(big))
    );
    if let Some(owner) = tag.and_then(|tag| owner(owners, tag, None)) {
        eprintln!("poolmon: owner: {owner}");
    }
    if big.absent.total() > 0 {
        eprintln!(
            "poolmon: {} pages of their table are not in this dump: allocations in them are missing",
            grouped(big.absent.total())
        );
    }
    if big.cut {
        eprintln!("poolmon: more allocations were there than are counted here");
    }
}
