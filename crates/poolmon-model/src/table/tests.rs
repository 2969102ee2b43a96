use super::*;
use crate::{Origin, PoolView, SourceKind, Tag, filter::Pattern, sample::Session};
use proptest::prelude::*;

fn sample(rows: Vec<Row>) -> Sample {
    let origin = Arc::new(Origin::new(SourceKind::Windows, &[Pool::Nonpaged, Pool::Paged]));
    let mut sample = Sample::new(origin, CounterWidth::Bits32);
    sample.rows = rows;
    sample
}

fn row(tag: &str, pool: Pool, allocs: u64, frees: u64, bytes: u64) -> Row {
    Row::windows(Tag::Pool(tag.parse().unwrap()), pool, allocs, frees, bytes)
}

fn names(table: &Table) -> Vec<String> {
    table.rows.iter().map(|row| row.row.tag.to_string()).collect()
}

#[test]
fn the_first_table_has_no_changes() {
    let now = sample(vec![row("Irp", Pool::Nonpaged, 10, 4, 600)]);
    let table = Table::new(None, &now, &Filter::default(), None);
    assert_eq!(table.rows[0].delta, None);
    assert_eq!(table.rows[0].diff(), Some(6));
}

#[test]
fn a_late_tag_and_one_that_comes_back_count_whole() {
    let first = sample(vec![row("A", Pool::Paged, 5, 0, 50)]);
    let without = sample(vec![row("B", Pool::Paged, 7, 1, 60)]);
    let table = Table::new(Some(&first), &without, &Filter::default(), None);
    assert_eq!(names(&table), ["B   "], "gone rows only where asked for");
    assert_eq!(table.rows[0].presence, Presence::New);
    assert_eq!(table.rows[0].delta.unwrap().bytes, Some(60));

    let gone = Filter { show_gone: true, ..Filter::default() };
    let table = Table::new(Some(&first), &without, &gone, None);
    assert_eq!(names(&table), ["B   ", "A   "]);
    let a = &table.rows[1];
    assert_eq!(a.presence, Presence::Gone);
    assert_eq!((a.delta.unwrap().bytes, a.delta.unwrap().diff), (Some(-50), Some(-5)));

    let back = sample(vec![row("A", Pool::Paged, 6, 0, 70), row("B", Pool::Paged, 7, 1, 60)]);
    let table = Table::new(Some(&without), &back, &Filter::default(), None);
    assert_eq!(table.rows[0].delta.unwrap().bytes, Some(70));
    assert_eq!(table.rows[1].delta.unwrap().bytes, Some(0));
}

#[test]
fn nothing_is_compared_across_a_reboot() {
    let boot = |name: &str, rows| {
        let mut s = sample(rows);
        s.origin = Arc::new(Origin { boot: Some(name.into()), ..(*s.origin).clone() });
        s
    };
    let before = boot("1", vec![row("A", Pool::Paged, 500, 0, 50)]);
    let now = boot("2", vec![row("A", Pool::Paged, 5, 0, 50)]);
    let table = Table::new(Some(&before), &now, &Filter::default(), None);
    assert!(table.rebooted);
    assert_eq!(table.rows[0].delta, None);
}

#[test]
fn zero_rows_are_hidden_as_in_poolmon() {
    let now = sample(vec![row("A", Pool::Paged, 0, 0, 0), row("B", Pool::Paged, 5, 5, 0)]);
    assert_eq!(names(&Table::new(None, &now, &Filter::default(), None)), ["B   "]);
    let all = Filter { show_zero: true, ..Filter::default() };
    assert_eq!(Table::new(None, &now, &all, None).rows.len(), 2);
}

#[test]
fn views_and_patterns_choose_rows() {
    let now = sample(vec![
        row("NtfA", Pool::Paged, 1, 0, 1),
        row("NtfB", Pool::Nonpaged, 1, 0, 1),
        row("Irp", Pool::Nonpaged, 1, 0, 1),
    ]);
    let filter = Filter {
        view: PoolView::Only(Pool::Nonpaged),
        include: vec![Pattern::new("Ntf*"), Pattern::new("Irp")],
        exclude: vec![Pattern::new("I*")],
        ..Filter::default()
    };
    assert_eq!(names(&Table::new(None, &now, &filter, None)), ["NtfB"]);
}

#[test]
fn totals_and_what_no_tag_accounts_for() {
    let mut now = sample(vec![
        row("A", Pool::Paged, 10, 4, 600),
        row("B", Pool::Paged, 5, 5, 0),
        row("C", Pool::Nonpaged, 1, 0, 64),
    ]);
    now.header.pool_paged = Some(4096);
    now.header.pool_nonpaged = Some(60);
    let filter = Filter { include: vec![Pattern::new("A")], ..Filter::default() };
    let table = Table::new(None, &now, &filter, None);
    let paged = table.totals.iter().find(|totals| totals.pool == Pool::Paged).unwrap();
    assert_eq!((paged.rows, paged.counters.allocs, paged.counters.bytes), (1, Some(10), Some(600)));
    assert_eq!(paged.counters.reported_diff, Some(6));
    assert_eq!(paged.untagged, Some(4096 - 600), "of the whole pool, whatever is shown");
    assert_eq!(table.totals.len(), 1, "the tags of the nonpaged pool hold more than it: no negative amount");
    now.rows[1].counters.bytes = None;
    let table = Table::new(None, &now, &filter, None);
    assert_eq!(table.totals[0].untagged, None, "what one tag holds is unknown");
}

#[test]
fn sessions_are_shown_apart_and_summed() {
    let mut now = sample(vec![row("A", Pool::Paged, 1, 0, 1)]);
    now.sessions = vec![
        Session { id: 0, rows: vec![row("Gdi", Pool::Paged, 10, 4, 600)] },
        Session { id: 2, rows: vec![row("Gdi", Pool::Paged, 5, 1, 40), row("X", Pool::Paged, 1, 0, 8)] },
    ];
    let one = Filter { scope: Scope::Session(2), ..Filter::default() };
    assert_eq!(names(&Table::new(None, &now, &one, None)), ["Gdi ", "X   "]);
    let all = Filter { scope: Scope::AllSessions, ..Filter::default() };
    let table = Table::new(None, &now, &all, None);
    assert_eq!(table.rows[0].row.counters.bytes, Some(640));
    assert_eq!(table.rows[0].diff(), Some(10));
}

#[test]
fn sorts_by_value_and_by_change() {
    let before = sample(vec![row("A", Pool::Paged, 0, 0, 100), row("B", Pool::Paged, 1, 0, 5)]);
    let now = sample(vec![
        row("A", Pool::Paged, 1, 0, 100),
        row("B", Pool::Paged, 2, 0, 50),
        row("C", Pool::Paged, 3, 0, 10),
    ]);
    let mut table = Table::new(Some(&before), &now, &Filter::default(), None);
    table.sort(Sort::by(&column::BYTES));
    assert_eq!(names(&table), ["A   ", "B   ", "C   "]);
    table.sort(Sort { by_change: true, ..Sort::by(&column::BYTES) });
    assert_eq!(names(&table), ["B   ", "C   ", "A   "]);
    table.sort(Sort { reversed: true, ..Sort::by(&column::BYTES) });
    assert_eq!(names(&table), ["C   ", "B   ", "A   "]);
    table.sort(Sort::default());
    assert_eq!(names(&table), ["A   ", "B   ", "C   "]);
}

#[test]
fn one_pool_may_come_first() {
    let now = sample(vec![
        row("A", Pool::Paged, 1, 0, 900),
        row("B", Pool::Nonpaged, 2, 0, 50),
        row("C", Pool::Nonpaged, 3, 0, 70),
    ]);
    let mut table = Table::new(None, &now, &Filter::default(), None);
    table.sort(Sort { first_pool: Some(Pool::Nonpaged), ..Sort::by(&column::BYTES) });
    assert_eq!(names(&table), ["C   ", "B   ", "A   "]);
    table.sort(Sort { first_pool: Some(Pool::Nonpaged), ..Sort::default() });
    assert_eq!(names(&table), ["B   ", "C   ", "A   "]);
}

#[test]
fn unknown_figures_sort_last_both_ways() {
    let mut now = sample(vec![row("A", Pool::Paged, 1, 0, 1), row("B", Pool::Paged, 2, 0, 1)]);
    now.rows[0].counters.allocs = None;
    let mut table = Table::new(None, &now, &Filter::default(), None);
    for reversed in [false, true] {
        table.sort(Sort { reversed, ..Sort::by(&column::ALLOCS) });
        assert_eq!(names(&table), ["B   ", "A   "]);
    }
}

proptest! {
    #[test]
    fn sorting_orders_and_keeps_every_row(bytes in prop::collection::vec(0_u64..50, 0..80)) {
        let rows = bytes
            .iter()
            .enumerate()
            .map(|(n, &bytes)| row(&format!("{n}"), Pool::Paged, 1, 0, bytes))
            .collect();
        let now = sample(rows);
        let mut table = Table::new(None, &now, &Filter::default(), None);
        table.sort(Sort::by(&column::BYTES));
        let mut expected: Vec<_> = now.rows.iter().map(|r| (Reverse(r.counters.bytes), r.tag.clone())).collect();
        expected.sort();
        let got: Vec<_> = table.rows.iter().map(|r| (Reverse(r.row.counters.bytes), r.row.tag.clone())).collect();
        prop_assert_eq!(got, expected);
    }
}
