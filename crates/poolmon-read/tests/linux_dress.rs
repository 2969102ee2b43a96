//! Lists of Linux and of Perfmon in any dress: quoted, indented, in any encoding, wrapped by a console or a mail program. Each row
//! is the same, or a remark says that rows were lost.
#![allow(missing_docs, reason = "a test")]

mod common;

use std::fmt::Write as _;

use common::dress::{Breaks, breaks, broken, encoded, prefix};
use poolmon_model::Sample;
use poolmon_read::{Input, ReadOptions, identify};
use proptest::prelude::*;

#[derive(Clone, Copy, Debug, PartialEq)]
enum List {
    Slabinfo,
    Statistics,
    Slabtop,
    Vmstat,
    Crash,
    OldCrash,
    Allocinfo,
    Vmallocinfo,
    Meminfo,
}

/// What one line of a list says: objects, objects in each slab, bytes of an object, slabs.
#[derive(Clone, Debug)]
struct Line {
    name: String,
    active: u64,
    each: u64,
    size: u64,
    slabs: u64,
}

impl Line {
    fn bytes(&self) -> u64 {
        self.slabs * 4096
    }
}

fn line() -> impl Strategy<Value = Line> {
    ("[a-z][a-z_]{2,14}[a-z0-9]", 1_u64..4_000_000, prop_oneof![Just(8_u64), Just(32), Just(128)]).prop_map(
        |(name, active, size)| {
            let each = 4096 / size;
            Line { name, active, each, size, slabs: active.div_ceil(each) }
        },
    )
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec(line(), 1..10).prop_map(|mut lines| {
        lines.sort_by(|a, b| a.name.cmp(&b.name));
        lines.dedup_by(|a, b| a.name == b.name);
        lines
    })
}

fn rendered(list: List, lines: &[Line]) -> Vec<String> {
    let heads: &[&str] = match list {
        List::Slabinfo => &[
            "slabinfo - version: 2.1",
            "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> \
             <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>",
        ],
        List::Statistics => &["slabinfo - version: 2.1 (statistics)"],
        List::Slabtop => &["  OBJS ACTIVE  USE OBJ SIZE  SLABS OBJ/SLAB CACHE SIZE NAME                   "],
        List::Vmstat => &["Cache                       Num  Total   Size  Pages"],
        List::Crash => &["CACHE             OBJSIZE  ALLOCATED     TOTAL  SLABS  SSIZE  NAME"],
        List::OldCrash => {
            &["CACHE            NAME                 OBJSIZE  ALLOCATED     TOTAL  SLABS  SSIZE"]
        }
        List::Allocinfo => &["allocinfo - version: 1.0", "#     <size>  <calls> <tag info>"],
        List::Vmallocinfo | List::Meminfo => &[],
    };
    let mut all: Vec<String> = heads.iter().map(|&head| head.to_owned()).collect();
    for (at, line) in lines.iter().enumerate() {
        let Line { name, active, each, size, slabs } = line;
        let total = slabs * each;
        let row = format!(
            "{name:<17} {active:>6} {total:>6} {size:>6} {each:>4} {:>4} : tunables {:>4} {:>4} {:>4} : slabdata {slabs:>6} {slabs:>6} {:>6}",
            1, 0, 0, 0, 0
        );
        all.push(match list {
            List::Slabinfo => row,
            List::Statistics => format!("{row} : globalstat {total:>7} {active:>6} {slabs:>5}    0    0    0    0    0    0 : cpustat {active:>6} {slabs:>6}      0      0"),
            List::Slabtop => format!(
                "{total:>6} {active:>6} {:>3}% {:>7}K {slabs:>6} {each:>8} {:>9}K {name:<23}",
                active * 100 / total,
                "0.03",
                slabs * 4
            ),
            List::Vmstat => format!("{name:<24} {active:>6} {total:>6} {size:>6} {each:>6}"),
            List::Crash => {
                format!("ffff8881{at:08x} {size:>8} {active:>10} {total:>9} {slabs:>6} {:>6}  {name}", "4k")
            }
            List::OldCrash => {
                format!("ffff8881{at:08x} {name:<20} {size:>8} {active:>10} {total:>9} {slabs:>6} {:>6}", "4k")
            }
            List::Allocinfo => format!("{:>12} {active:>8} mm/{name}.c:{} func:{name}", line.bytes(), at + 10),
            List::Vmallocinfo => format!(
                "0xffffc90000{at:06x}-0xffffc90000{:06x} {:>7} {name}+0x1c/0x40 pages={slabs} vmalloc N0={slabs}",
                at + 1,
                line.bytes() + 4096
            ),
            List::Meminfo => format!("{:<15} {:>8} kB", "SUnreclaim:", active),
        });
    }
    if list == List::Meminfo {
        all.truncate(1);
    }
    all
}

/// The row of a line: its name, its objects, and its bytes if the list has them.
fn should(list: List, at: usize, line: &Line) -> (String, Option<i64>, Option<u64>) {
    let active = i64::try_from(line.active).ok();
    match list {
        List::Slabinfo | List::Statistics | List::Slabtop | List::Crash | List::OldCrash => {
            (line.name.clone(), active, Some(line.bytes()))
        }
        List::Vmstat => (line.name.clone(), active, Some(line.slabs * line.each * line.size)),
        List::Allocinfo => {
            (format!("mm/{}.c:{} {}", line.name, at + 10, line.name), active, Some(line.bytes()))
        }
        List::Vmallocinfo => (line.name.clone(), Some(1), Some(line.bytes())),
        List::Meminfo => (String::new(), None, None),
    }
}

fn read(bytes: Vec<u8>) -> Result<Vec<Sample>, String> {
    let input = Input::from_bytes("list.txt", bytes);
    let format = identify(&input).map_err(|error| error.to_string())?;
    let mut reader = (format.open)(&input, &ReadOptions::default()).map_err(|error| error.to_string())?;
    let (mut samples, mut sample) = (Vec::new(), Sample::empty());
    while reader.next_into(&mut sample).map_err(|error| error.to_string())? {
        samples.push(sample.clone());
    }
    if samples.is_empty() { Err("no sample".to_owned()) } else { Ok(samples) }
}

fn any_list() -> impl Strategy<Value = List> {
    prop_oneof![
        Just(List::Slabinfo),
        Just(List::Statistics),
        Just(List::Slabtop),
        Just(List::Vmstat),
        Just(List::Crash),
        Just(List::OldCrash),
        Just(List::Allocinfo),
        Just(List::Vmallocinfo),
        Just(List::Meminfo),
    ]
}

proptest! {
    #[test]
    fn rows_are_the_same_or_said_to_be_lost(
        lines in lines(),
        list in any_list(),
        prefix in prefix(),
        breaks in breaks(),
        crlf: bool,
        encoding in 0_u8..4,
    ) {
        // Names that were cut may be the same.
        let lines = if matches!(breaks, Breaks::Cut(_)) { lines[..1].to_vec() } else { lines };
        let mut text = String::new();
        for line in broken(&rendered(list, &lines), breaks) {
            let _ = write!(text, "{prefix}{line}{}", if crlf { "\r\n" } else { "\n" });
        }
        let samples = match read(encoded(&text, encoding)) {
            Ok(samples) => samples,
            // Nothing at all is an error, which says so.
            Err(error) => {
                prop_assert!(!matches!(breaks, Breaks::None), "{}\n{}", error, text);
                return Ok(());
            }
        };
        let said = samples.iter().any(|sample| {
            let usual = |remark: &&String| remark.contains("which caches can be shrunk") || remark.contains("size of a page");
            sample.remarks.iter().any(|remark| !usual(&remark))
        });
        if list == List::Meminfo {
            let found = samples[0].header.slab_unreclaimable;
            prop_assert!(found == Some(lines[0].active * 1024) || (found.is_none() && said), "{:?}\n{}", found, text);
            return Ok(());
        }
        let expected: Vec<_> = lines.iter().enumerate().map(|(at, line)| should(list, at, line)).collect();
        let mut found = 0;
        for sample in &samples {
            for row in &sample.rows {
                let name = row.tag.to_string();
                // A name that was cut is a name.
                let is_cut = matches!(breaks, Breaks::Cut(_));
                let is_name = |whole: &str| whole == name || (is_cut && whole.starts_with(&name));
                let same = |whole: &&(String, Option<i64>, Option<u64>)| whole.1 == row.counters.reported_diff || !is_cut;
                let whole = expected.iter().find(|row| is_name(&row.0) && same(row));
                prop_assert!(whole.is_some(), "{:?} is no row: {:?}\n{}", row, expected, text);
                let (_, active, bytes) = whole.unwrap();
                prop_assert!(row.counters.reported_diff.is_none() || row.counters.reported_diff == *active, "{:?}\n{}", row, text);
                prop_assert!(row.counters.bytes.is_none() || row.counters.bytes == *bytes, "{:?}\n{}", row, text);
                found += usize::from(row.counters.bytes.is_some());
            }
        }
        prop_assert!(found == expected.len() || said, "{} of {}\n{}", found, expected.len(), text);
        if matches!(breaks, Breaks::None) {
            prop_assert_eq!(found, expected.len(), "{}", text);
        }
    }

    /// Perfmon's CSV, whatever the line ends and the encoding: each figure is the same, and a line that is lost is named.
    #[test]
    fn perfmon_in_any_dress(
        figures in prop::collection::vec((0_u64..1 << 40, 0_u64..1 << 40), 1..12),
        tabs: bool,
        crlf: bool,
        encoding in 0_u8..4,
        between in prop_oneof![3 => Just(String::new()), 1 => Just("Exiting, please wait...".to_owned())],
    ) {
        let separator = if tabs { "\t" } else { "," };
        let mut rows = vec![vec![
            format!("(PDH-{} 4.0) (UTC)(0)", if tabs { "TSV" } else { "CSV" }),
            r"\\srv1\Memory\Pool Nonpaged Bytes".to_owned(),
            r"\\srv1\Memory\Pool Paged Bytes".to_owned(),
        ]];
        for (at, (nonpaged, paged)) in figures.iter().enumerate() {
            rows.push(vec![format!("03/01/2026 10:{at:02}:00.000"), nonpaged.to_string(), paged.to_string()]);
        }
        let mut text = String::new();
        let end = if crlf { "\r\n" } else { "\n" };
        for row in rows {
            let fields: Vec<String> = row.iter().map(|field| format!("\"{field}\"")).collect();
            text += &(fields.join(separator) + end);
        }
        if !between.is_empty() {
            text.extend([between.as_str(), end]);
        }
        let samples = read(encoded(&text, encoding)).map_err(TestCaseError::fail)?;
        let back: Vec<_> =
            samples.iter().map(|it| (it.header.pool_nonpaged.unwrap(), it.header.pool_paged.unwrap())).collect();
        prop_assert_eq!(back, figures);
        prop_assert_eq!(samples.iter().any(|it| it.remarks.iter().any(|said| said.contains("not understood"))), !between.is_empty());
    }

    /// What `Get-Counter` prints, quoted, indented and in any encoding.
    #[test]
    fn get_counter_in_any_dress(
        figures in prop::collection::vec((0_u64..1 << 40, 0_u64..1 << 40), 1..12),
        indent in " {0,8}",
        crlf: bool,
        encoding in 0_u8..4,
        blank: bool,
    ) {
        let mut text = format!("{indent}Timestamp                 CounterSamples\n{indent}---------                 --------------\n");
        for (at, (nonpaged, paged)) in figures.iter().enumerate() {
            let gap = if blank { "\n" } else { "" };
            let _ = write!(
                text,
                "{indent}3/13/2026 10:{at:02}:00 AM     \\\\srv1\\memory\\pool nonpaged bytes :\n{indent}                          {nonpaged}\n{gap}\
                 {indent}                          \\\\srv1\\memory\\pool paged bytes :\n{indent}                          {paged}\n{gap}"
            );
        }
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        let samples = read(encoded(&text, encoding)).map_err(TestCaseError::fail)?;
        let back: Vec<_> =
            samples.iter().map(|it| (it.header.pool_nonpaged.unwrap(), it.header.pool_paged.unwrap())).collect();
        prop_assert_eq!(back, figures);
    }
}
