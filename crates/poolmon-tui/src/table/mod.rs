//! The table: rows in an order, or groups of them, one line selected. `groups`: the groups; `chooser`: its columns; `keys`: its keys; drawing is in `render/rows.rs`.

pub(crate) mod chooser;
pub(crate) mod groups;
pub(crate) mod keys;

use jiff::Timestamp;
use poolmon_model::delta::Presence;
use poolmon_model::{Labeler, Pool, Scope, Table, TableRow, Tag};

use crate::app::{App, Mode};
use crate::columns::{ColumnLayout, Widths, Wish};
use crate::folding;
use crate::render::graph::GraphSpan;
use crate::verdicts::Known;

/// Refreshes for which a row that is gone stays.
const LINGER: u8 = 3;

/// The rows on the screen.
#[derive(Debug, Default)]
pub(crate) struct TableView {
    pub table: Table,
    pub widths: Widths,
    pub selected: Option<(Tag, Pool)>,
    /// The selected row, or the first.
    pub cursor: usize,
    /// The first row on the screen.
    pub top: usize,
    /// Columns of figures that are scrolled out.
    pub skip: usize,
    /// Each copy of a slab cache (`kmalloc-rnd-NN-SIZE`) is a row.
    pub unfolded: bool,
    pub grouping: groups::Grouping,
    /// How much time the graph of the pools shows.
    pub graph: GraphSpan,
    /// Axes begin at zero, however little a curve moves.
    pub from_zero: bool,
    pub last_click: Option<(usize, Timestamp)>,
    /// Rows that are gone and for how many refreshes they stay.
    pub gone: Vec<(TableRow, u8)>,
}

impl TableView {
    /// The value to be shown at the bottom of an axis, if this is the least one of its curve.
    pub fn axis_from(&self, least: u64) -> u64 {
        if self.from_zero { 0 } else { least }
    }

    /// Another refresh without the rows that are gone.
    pub fn age_gone(&mut self) {
        for (_, left) in &mut self.gone {
            *left = left.saturating_sub(1);
        }
    }
}

impl App {
    /// Builds the table again from the samples: after a sample, and when what is shown changes.
    pub(crate) fn derive(&mut self) {
        let against = self.baseline.as_ref().map(|baseline| &baseline.sample).or(self.before.as_ref());
        let by_change = self.settings.sort.by_change;
        let wish = self.settings.filter.show_gone;
        self.settings.filter.show_gone = wish || by_change || self.baseline.is_some();
        let owners = self.labeler.as_deref().map(|labeler| labeler as &dyn Labeler);
        let judged = self.settings.filter.scope == Scope::System;
        let known = Known { owners, verdicts: judged.then_some(&self.verdicts) };
        let folded =
            (!self.view.unfolded).then(|| folding::folded(&self.settings.filter, &self.now, against));
        if let Some((now, against)) = folded.flatten() {
            self.view.table.update(against.as_ref(), &now, &self.settings.filter, Some(&known));
        } else {
            self.view.table.update(against, &self.now, &self.settings.filter, Some(&known));
        }
        if self.settings.filter.show_gone && self.baseline.is_none() {
            for (row, _) in self.view.gone.iter().filter(|(_, left)| *left > 0) {
                let here = |other: &TableRow| other.row.tag == row.row.tag && other.row.pool == row.row.pool;
                if self.settings.filter.admits_tag(&row.row.tag, row.row.pool)
                    && !self.view.table.rows.iter().any(here)
                {
                    self.view.table.rows.push(row.clone());
                }
            }
        }
        self.settings.filter.show_gone = wish;
        self.view.widths.grow(&self.view.table, self.settings.totals);
        self.order();
        self.view.widths.grow_groups(&self.view.grouping.groups);
    }

    /// Keeps rows that are gone for some refreshes more.
    pub(crate) fn collect_gone(&mut self) {
        if !self.settings.sort.by_change || self.baseline.is_some() {
            self.view.gone.clear();
            return;
        }
        for row in self.view.table.rows.iter().filter(|row| row.presence == Presence::Gone) {
            let known =
                |(other, _): &(TableRow, u8)| other.row.tag == row.row.tag && other.row.pool == row.row.pool;
            // This many rows cannot vanish but by a fault; a person reads the first.
            if self.view.gone.len() < 64 && !self.view.gone.iter().any(known) {
                self.view.gone.push((row.clone(), LINGER));
            }
        }
        self.view.gone.retain(|(_, left)| *left > 0);
    }

    /// Sorts, and finds the selected row again.
    pub(crate) fn order(&mut self) {
        self.view.table.sort(self.settings.sort);
        self.group_lines();
        if !self.view.has_selection() {
            self.keep_in_view();
            return;
        }
        if let Some(at) = self.view.find_selected() {
            // The row keeps its line on the screen.
            let line = self.view.cursor.saturating_sub(self.view.top);
            self.view.cursor = at;
            self.view.top = at.saturating_sub(line);
        } else {
            self.select(self.view.cursor);
        }
        self.keep_in_view();
    }

    /// Selects the line at a place, or the nearest one; in the detail pane, the nearest with a row.
    pub(crate) fn select(&mut self, at: usize) {
        let mut at = at.min(self.view.len().saturating_sub(1));
        if self.mode == Mode::Detail {
            match self.view.nearest_row(at, at >= self.view.cursor) {
                Some(row) => at = row,
                None => self.mode = Mode::Table,
            }
        }
        self.view.cursor = at;
        self.view.selected = self.current().map(|row| (row.row.tag.clone(), row.row.pool));
        self.view.grouping.selected = self.view.group_at(at).map(|group| group.key.clone());
        self.keep_in_view();
        if self.mode == Mode::Detail {
            self.inquire();
            self.want_series();
        }
    }

    /// Back to the top: nothing is selected, and the view follows the order.
    pub(crate) fn deselect(&mut self) {
        self.view.selected = None;
        self.view.grouping.selected = None;
        self.view.cursor = 0;
        self.view.top = 0;
    }

    pub(crate) fn keep_in_view(&mut self) {
        let page = self.page();
        self.view.top = self.view.top.min(self.view.len().saturating_sub(page));
        if self.view.has_selection() {
            if self.view.cursor < self.view.top {
                self.view.top = self.view.cursor;
            }
            if self.view.cursor >= self.view.top + page {
                self.view.top = self.view.cursor + 1 - page;
            }
        }
    }

    /// The selected row, or the first; `None` if that line is a group's.
    pub(crate) fn current(&self) -> Option<&TableRow> {
        self.view.row_at(self.view.cursor)
    }

    /// Where things are on the screen.
    pub(crate) fn regions(&self) -> crate::render::Regions {
        crate::render::regions(self)
    }

    /// Rows that fit on the screen, one at least.
    pub(crate) fn page(&self) -> usize {
        usize::from(self.regions().rows.height).max(1)
    }

    /// The columns on a screen of this width.
    pub(crate) fn layout(&self) -> ColumnLayout {
        let trend = self.settings.filter.scope == Scope::System && self.history.refreshes() > 1;
        self.view.widths.layout(&Wish {
            width: self.size.0,
            sort: self.settings.sort,
            show_driver: self.settings.show_driver,
            trend,
            skip: self.view.skip,
            chosen: self.settings.columns.as_deref(),
        })
    }
}
