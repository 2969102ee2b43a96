//! Rows in groups: which lines the table has while `g` groups it, and which groups are unfolded.

use poolmon_model::group::{Group, GroupBy, GroupKey, groups};
use poolmon_model::{Sort, TableRow, column};

use super::TableView;
use crate::app::App;
use crate::columns::Widths;
use crate::left::same;

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The group of this number.
    Group(usize),
    /// The row of this number.
    Row(usize),
}

/// The groups on the screen; none while each row is a line.
#[derive(Debug, Default)]
pub(crate) struct Grouping {
    pub by: Option<GroupBy>,
    pub groups: Vec<Group>,
    /// The selected group, if the selected line is one.
    pub selected: Option<GroupKey>,
    lines: Vec<Line>,
    open: Vec<GroupKey>,
    /// The order before there were groups, and the one that they began with.
    before: Option<(Sort, Sort)>,
}

impl Grouping {
    pub fn is_open(&self, group: &Group) -> bool {
        self.open.contains(&group.key)
    }

    /// The order of the rows without groups, if this is the order now: of groups' own order, the one before.
    pub fn flat_order(&self, sort: Sort) -> Sort {
        self.before.filter(|(_, began)| same(began, &sort)).map_or(sort, |(flat, _)| flat)
    }

    /// Groups the rows again, which are in their order.
    fn build(&mut self, rows: &[TableRow], sort: Sort) {
        self.lines.clear();
        let Some(by) = self.by else { return self.groups.clear() };
        self.groups = groups(rows, by, sort);
        for (at, group) in self.groups.iter().enumerate() {
            self.lines.push(Line::Group(at));
            if self.open.contains(&group.key) {
                self.lines.extend(group.rows.iter().copied().map(Line::Row));
            }
        }
    }

    fn toggle(&mut self, key: &GroupKey) {
        if let Some(at) = self.open.iter().position(|open| open == key) {
            self.open.remove(at);
        } else {
            self.open.push(key.clone());
        }
    }
}

impl TableView {
    /// Lines of the table: its rows, or its groups and the rows of those that are unfolded.
    pub fn len(&self) -> usize {
        if self.grouping.by.is_some() { self.grouping.lines.len() } else { self.table.rows.len() }
    }

    pub fn line(&self, at: usize) -> Option<Line> {
        if self.grouping.by.is_some() {
            self.grouping.lines.get(at).copied()
        } else {
            (at < self.table.rows.len()).then_some(Line::Row(at))
        }
    }

    /// The row in a line; `None` if it is a group's.
    pub fn row_at(&self, at: usize) -> Option<&TableRow> {
        match self.line(at)? {
            Line::Row(row) => self.table.rows.get(row),
            Line::Group(_) => None,
        }
    }

    /// The group of a line; `None` if it is a row's.
    pub fn group_at(&self, at: usize) -> Option<&Group> {
        match self.line(at)? {
            Line::Group(group) => self.grouping.groups.get(group),
            Line::Row(_) => None,
        }
    }

    /// Whether a line is selected.
    pub fn has_selection(&self) -> bool {
        self.selected.is_some() || self.grouping.selected.is_some()
    }

    /// The line of what is selected.
    pub fn find_selected(&self) -> Option<usize> {
        (0..self.len()).find(|&at| match (&self.selected, &self.grouping.selected) {
            (Some((tag, pool)), _) => {
                self.row_at(at).is_some_and(|row| row.row.pool == *pool && row.row.tag == *tag)
            }
            (None, Some(key)) => self.group_at(at).is_some_and(|group| group.key == *key),
            (None, None) => false,
        })
    }

    /// The nearest line with a row, from a line on, first in one direction.
    pub fn nearest_row(&self, at: usize, down: bool) -> Option<usize> {
        let is_row = |at: &usize| matches!(self.line(*at), Some(Line::Row(_)));
        let below = || (at..self.len()).find(is_row);
        let above = || (0..self.len().min(at + 1)).rev().find(is_row);
        if down { below().or_else(above) } else { above().or_else(below) }
    }
}

impl App {
    /// The key `g`: groups by owner, by verdict, by lockstep, then none. Groups that would be one are skipped.
    pub(crate) fn next_grouping(&mut self) {
        let rows = &self.view.table.rows;
        let divides = |by: &GroupBy| match by {
            GroupBy::Owner => true,
            GroupBy::Verdict => rows.iter().any(|row| row.verdict.is_some()),
            GroupBy::Lockstep => {
                rows.iter().any(|row| row.verdict.as_ref().is_some_and(|it| it.lockstep.is_some()))
            }
        };
        let at = self.view.grouping.by.and_then(|by| GroupBy::ALL.iter().position(|other| *other == by));
        let rest = GroupBy::ALL.get(at.map_or(0, |at| at + 1)..).unwrap_or_default();
        let next = rest.iter().copied().find(divides);
        let skipped = rest.contains(&GroupBy::Verdict) && !divides(&GroupBy::Verdict);
        let before = self.view.grouping.before.take();
        self.view.grouping = Grouping { by: next, before, ..Grouping::default() };
        self.view.widths = Widths::default();
        self.order_of_groups();
        self.deselect();
        self.derive();
        let waiting =
            self.verdicts.waiting().filter(|_| skipped).map_or_else(String::new, |why| format!(" {why}"));
        self.say(match next {
            None => format!("Each row is a line.{waiting}"),
            Some(GroupBy::Owner) => {
                "Grouped by owner. Enter unfolds a group; g again for other groups.".into()
            }
            Some(GroupBy::Verdict) => "Grouped by verdict. Enter unfolds a group.".into(),
            Some(GroupBy::Lockstep) => "Grouped by rows that grow in lockstep: one cause each.".into(),
        });
    }

    /// Groups begin with what takes most, or leaks, unless an order of figures was chosen; without groups, the order from before comes back.
    fn order_of_groups(&mut self) {
        let sort = &mut self.settings.sort;
        let flat = self.view.grouping.flat_order(*sort);
        let begin = match self.view.grouping.by {
            Some(GroupBy::Owner) if flat.column.unit == column::Unit::Text => Sort::by(&column::BYTES),
            None | Some(GroupBy::Owner) => flat,
            Some(GroupBy::Verdict | GroupBy::Lockstep) => Sort::by(&column::VERDICT),
        };
        *sort = begin;
        self.view.grouping.before = self.view.grouping.by.map(|_| (flat, begin));
    }

    pub(crate) fn group_lines(&mut self) {
        self.view.grouping.build(&self.view.table.rows, self.settings.sort);
    }

    /// Folds the group of a line, or unfolds it. False if the line is none of a group.
    pub(crate) fn fold_group(&mut self, at: usize) -> bool {
        let Some(key) = self.view.group_at(at).map(|group| group.key.clone()) else { return false };
        self.view.grouping.toggle(&key);
        self.select(at);
        self.order();
        true
    }

    /// The line of a row of the table; its group is unfolded.
    pub(crate) fn reveal(&mut self, row: usize) -> usize {
        let of_row = |group: &&Group| group.rows.contains(&row);
        if let Some(group) = self.view.grouping.groups.iter().find(of_row)
            && !self.view.grouping.is_open(group)
        {
            let key = group.key.clone();
            self.view.grouping.toggle(&key);
            self.group_lines();
        }
        (0..self.view.len()).find(|&at| self.view.line(at) == Some(Line::Row(row))).unwrap_or(row)
    }
}
