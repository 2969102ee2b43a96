//! The search line: words and conditions that a row has to meet, all of them.

use crate::column::{self, Column, Unit};
use crate::units::{parse_bytes, parse_percent};
use crate::{Pattern, Pool, PoolView, TableRow};

/// What the search line asks for; nothing by default.
///
/// Terms are separated by blanks; `"quotes"` keep blanks inside a term, and `!` negates it:
///
/// | term | which rows |
/// |---|---|
/// | `ntf*` | the tag or its owner contains it, in either case; `*` and `?` are wildcards |
/// | `tag:x`, `owner:x`, `verdict:x` | that text alone contains it |
/// | `pool:paged`, `pool:slab` | the pool's name begins so; `slab`: both kinds of slab cache |
/// | `>10MiB`, `<1M` | by bytes |
/// | `diff>5000`, `used>=1GB`, `fill<50` | by the figure of that column; a share in percent |
/// | `change>1M` | by the change of the bytes |
///
/// A term that is still being typed (`owner:`, `>`) admits every row. What cannot be read as a condition is text; [`Search::doubt`] says so.
#[derive(Clone, Debug, Default)]
pub struct Search {
    text: String,
    terms: Vec<Term>,
    /// A term that looks like a condition, and is text.
    odd: Option<String>,
}

#[derive(Clone, Debug)]
struct Term {
    wanted: bool,
    test: Test,
}

#[derive(Clone, Debug)]
enum Test {
    /// Somewhere in tag or owner.
    Anywhere(Pattern),
    /// In one text of the row.
    In(Place, Pattern),
    /// Of a pool whose name begins so, or of a view of several.
    Pool(String, Option<PoolView>),
    /// A figure, or its change, on this side of a limit.
    Figure { column: &'static Column, change: bool, side: Side, limit: f64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Tag,
    Owner,
    Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// Texts that a term can name.
const PLACES: [(&str, Place); 3] =
    [("tag:", Place::Tag), ("owner:", Place::Owner), ("verdict:", Place::Verdict)];

/// How a limit is written; the longer ones first.
const SIDES: [(&str, Side); 4] =
    [(">=", Side::AtLeast), ("<=", Side::AtMost), (">", Side::Above), ("<", Side::Below)];

impl Search {
    /// Reads what was typed so far.
    pub fn new(text: &str) -> Self {
        let terms: Vec<Term> = words(text).into_iter().filter_map(Term::parse).collect();
        let odd = words(text).into_iter().find(|word| looks_like_a_condition(word));
        Self { text: text.to_owned(), terms, odd }
    }

    /// As it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a verdict is asked for, which only those have who judge.
    pub fn asks_for_verdicts(&self) -> bool {
        self.terms.iter().any(|term| matches!(term.test, Test::In(Place::Verdict, _)))
    }

    /// Why it may find nothing, whatever the rows are: a condition that is none, or changes where the table has none.
    pub fn doubt(&self, has_changes: bool) -> Option<String> {
        if let Some(odd) = &self.odd {
            return Some(format!(
                "`{odd}` is no condition (owner:ntfs, pool:paged, >10M, diff>5000, change>1M): searched for as text"
            ));
        }
        let asks = self.terms.iter().any(|term| matches!(term.test, Test::Figure { change: true, .. }));
        (asks && !has_changes).then(|| "one sample has no changes: no row meets `change`".to_owned())
    }

    /// Whether a row meets every term.
    pub fn admits(&self, row: &TableRow) -> bool {
        self.terms.iter().all(|term| term.test.holds(row) == term.wanted)
    }
}

/// Words between blanks; quotes keep blanks, and the rest of the line where they are not closed yet.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quoted) = (String::new(), false);
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => words.push(std::mem::take(&mut word)),
            c => word.push(c),
        }
    }
    words.push(word);
    words
}

impl Term {
    fn parse(mut word: String) -> Option<Self> {
        let wanted = !word.starts_with('!');
        if !wanted {
            word.remove(0);
        }
        let lower = word.to_lowercase();
        if word.is_empty() {
            return None;
        }
        for (name, place) in PLACES {
            if let Some(text) = lower.strip_prefix(name) {
                let test = Test::In(place, Pattern::search(text));
                return (!text.is_empty()).then_some(Self { wanted, test });
            }
        }
        if let Some(text) = lower.strip_prefix("pool:") {
            let test = Test::Pool(text.to_owned(), PoolView::parse(text));
            return (!text.is_empty()).then_some(Self { wanted, test });
        }
        match figure(&lower) {
            Some(Typed::Whole(test)) => Some(Self { wanted, test }),
            Some(Typed::Begun) => None,
            None => Some(Self { wanted, test: Test::Anywhere(Pattern::search(&word)) }),
        }
    }
}

/// How much of a limit was typed.
enum Typed {
    /// Name and sign.
    Begun,
    /// All of it.
    Whole(Test),
}

/// Whether a word that was read as text has the form of a condition: a sign, a name of a text that is none, a pool that is none.
fn looks_like_a_condition(word: &str) -> bool {
    let word = word.strip_prefix('!').unwrap_or(word).to_lowercase();
    let is_name = |name: &str| name.len() > 4 && name.chars().all(|c| c.is_ascii_alphabetic());
    if let Some(pool) = word.strip_prefix("pool:") {
        return PoolView::parse(pool).is_none() && !Pool::ALL.iter().any(|known| begins(*known, pool));
    }
    match word.split_once(':') {
        Some((name, text)) => {
            is_name(name) && !text.is_empty() && !PLACES.iter().any(|(known, _)| word.starts_with(known))
        }
        None => word.contains(['<', '>']) && figure(&word).is_none(),
    }
}

fn figure(word: &str) -> Option<Typed> {
    let (at, sign, side) = SIDES
        .iter()
        .filter_map(|&(sign, side)| Some((word.find(sign)?, sign, side)))
        .min_by_key(|found| found.0)?;
    let (name, number) = (word.get(..at)?, word.get(at + sign.len()..)?);
    let (column, change) = match name {
        "" => (&column::BYTES, false),
        "change" => (&column::BYTES, true),
        name => (column::by_id(name).filter(|column| column.unit != Unit::Text)?, false),
    };
    if number.is_empty() {
        return Some(Typed::Begun);
    }
    let limit = match number.parse::<f64>() {
        _ if column.unit == Unit::Percent => parse_percent(number).ok()? / 100.0,
        Err(_) if in_groups(number) => number.replace(',', "").parse().ok()?,
        Ok(limit) => limit,
        #[expect(clippy::cast_precision_loss, reason = "a limit that a person types")]
        Err(_) => parse_bytes(number).ok()? as f64,
    };
    Some(Typed::Whole(Test::Figure { column, change, side, limit }))
}

/// `5,000`, as tables show it.
fn in_groups(number: &str) -> bool {
    let mut groups = number.split(',');
    let digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let first = groups.next().is_some_and(|group| (1..=3).contains(&group.len()) && digits(group));
    first && groups.all(|group| group.len() == 3 && digits(group))
}

impl Test {
    fn holds(&self, row: &TableRow) -> bool {
        match self {
            Self::Anywhere(pattern) => pattern.matches(&row.row.tag) || has(row.owner(), pattern),
            Self::In(Place::Tag, pattern) => pattern.matches(&row.row.tag),
            Self::In(Place::Owner, pattern) => has(row.owner(), pattern),
            Self::Pool(start, view) => {
                let pool = row.row.pool;
                view.is_some_and(|view| view.admits(pool)) || begins(pool, start)
            }
            Self::In(Place::Verdict, pattern) => {
                has(row.verdict.as_ref().map(|verdict| verdict.brief.as_str()), pattern)
            }
            Self::Figure { column, change, side, limit } => {
                let value = if *change { column.change(row) } else { column.value(row) };
                // What is unknown is on no side of a limit.
                let Some(value) = value.measure() else { return false };
                match side {
                    Side::Above => value > *limit,
                    Side::AtLeast => value >= *limit,
                    Side::Below => value < *limit,
                    Side::AtMost => value <= *limit,
                }
            }
        }
    }
}

fn begins(pool: Pool, start: &str) -> bool {
    [pool.id(), pool.short(), pool.long()].iter().any(|name| name.to_lowercase().starts_with(start))
}

fn has(text: Option<&str>, pattern: &Pattern) -> bool {
    text.is_some_and(|text| pattern.matches_text(text))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::delta::Presence;
    use crate::{CounterWidth, Delta, Gravity, Row, RowLabel, RowVerdict, Tag};

    fn rows() -> Vec<TableRow> {
        let row = |tag: &str, pool, held: u64, bytes, owner: &str, brief: Option<&str>, grew| TableRow {
            row: Row::windows(Tag::Pool(tag.parse().unwrap()), pool, held, 0, bytes),
            width: CounterWidth::Bits64,
            delta: Some(Delta { bytes: Some(grew), ..Delta::default() }),
            presence: Presence::Steady,
            label: Some(Arc::new(RowLabel { mapped_driver: owner.into(), ..RowLabel::default() })),
            verdict: brief.map(|brief| {
                Arc::new(RowVerdict {
                    gravity: Gravity::Leaking,
                    brief: brief.into(),
                    lines: Vec::new(),
                    bytes_per_hour: 1,
                    since: None,
                    lockstep: None,
                })
            }),
        };
        vec![
            row(
                "Leak",
                Pool::Nonpaged,
                9_000,
                20_000_000,
                "[example.sys - a cache]",
                Some("leaks 39 MiB/h"),
                4_096,
            ),
            row("Ntff", Pool::Paged, 100, 10_485_760, "[ntfs.sys - AttrSup.c]", Some("grows"), -512),
            row("Irp ", Pool::Nonpaged, 5, 900, "[nt!io - I/O request packets]", None, 0),
        ]
    }

    fn found(text: &str) -> String {
        let search = Search::new(text);
        let rows = rows();
        let tags = rows.iter().filter(|row| search.admits(row)).map(|row| row.row.tag.to_string());
        tags.map(|tag| tag.trim().to_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn words_and_conditions() {
        for (text, wanted) in [
            ("leak", "Leak"),
            ("NTFS", "Ntff"),
            ("sys", "Leak Ntff"),
            ("sys cache", "Leak"),
            ("\"a cache\"", "Leak"),
            ("\"cache a\"", ""),
            ("\"irp ", "Irp"),
            ("!sys", "Irp"),
            ("owner:ntfs", "Ntff"),
            ("tag:ntfs", ""),
            ("owner:nt?s", "Ntff"),
            ("pool:paged", "Ntff"),
            ("pool:nonp", "Leak Irp"),
            ("!pool:nonp", "Ntff"),
            ("verdict:leak", "Leak"),
            ("verdict:*", "Leak Ntff"),
            (">10M", "Leak Ntff"),
            (">10MiB", "Leak"),
            (">=10MiB", "Leak Ntff"),
            ("<1kb", "Irp"),
            ("<=900", "Irp"),
            ("bytes>10MiB", "Leak"),
            ("Diff>99", "Leak Ntff"),
            ("fill<50%", ""),
            ("diff>99 pool:nonp", "Leak"),
            (">10,485,760", "Leak"),
            ("diff>1,000", "Leak"),
            ("change>0", "Leak"),
            ("change<0", "Ntff"),
            ("!change<0", "Leak Irp"),
            (">1M !owner:example", "Ntff"),
        ] {
            assert_eq!(found(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_still_typed_admits_every_row() {
        for text in ["", " ", "!", "owner:", "pool:", ">", "<=", "diff>", "!verdict:", "\"", "\"owner:"] {
            assert_eq!(found(text), "Leak Ntff Irp", "{text:?}");
        }
    }

    #[test]
    fn what_is_no_condition_is_text() {
        for text in ["a>b", "fill<1k", "fill>101", "wrong>5", "driver>5", ">many", ">5 many", "size:5"] {
            assert_eq!(found(text), "", "{text}");
        }
    }

    #[test]
    fn what_was_meant_as_a_condition_is_named() {
        for odd in ["fill>101", "wrong>5", "diff>5,00", ">many", "module:ntfs", "pool:nonsense", "!wrong>5"] {
            let said = Search::new(&format!("leak {odd}")).doubt(true).unwrap();
            assert!(said.starts_with(&format!("`{odd}` is no condition")), "{said}");
        }
        let plain = [
            "leak",
            "a:b",
            "owner:",
            "pool:pag",
            "pool:",
            ">",
            "diff>",
            "change>1M",
            "verdict:leak",
            "\"a b",
        ];
        for text in plain {
            assert_eq!(Search::new(text).doubt(true), None, "{text}");
        }
        assert!(Search::new("change>1M").doubt(false).unwrap().starts_with("one sample has no changes"));
        assert_eq!(Search::new(">1M").doubt(false), None);
    }

    #[test]
    fn a_figure_that_is_unknown_is_on_no_side() {
        let mut rows = rows();
        let row = &mut rows[0];
        row.row.counters.bytes = None;
        row.delta = None;
        for text in [">1", "<1GB", "change<1GB", "change>=0"] {
            assert!(!Search::new(text).admits(row), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_typed(text in "\\PC{0,30}") {
            for row in rows() {
                let _ = Search::new(&text).admits(&row);
            }
        }

        #[test]
        fn a_term_more_admits_no_row_more(a in "[a-z>:!0-9\"]{0,8}", b in "[a-z>:!0-9]{0,8}") {
            prop_assume!(a.matches('"').count() % 2 == 0);
            let both = format!("{a} {b}");
            for row in rows() {
                let admits = |text: &str| Search::new(text).admits(&row);
                prop_assert_eq!(admits(&both), admits(&a) && admits(&b), "{} {}", a, b);
            }
        }
    }
}
