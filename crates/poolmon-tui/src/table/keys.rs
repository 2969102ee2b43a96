//! The keys of the table, and what they do.

use poolmon_model::column::{self, Column};
use poolmon_model::{Scope, Search};
use ratatui_crossterm::crossterm::event::KeyCode;

use crate::app::{App, Effect, Mode};
use crate::bindings::{Action, Entry, Key, View, When};
use crate::render::graph::GraphSpan;

/// Both views of rows: the pane of details lies over the table.
pub(crate) const BOTH: &[View] = &[View::Table, View::Detail];
const TABLE: &[View] = &[View::Table];

/// The keys.
pub const KEYS: &[Entry] = &[
    Entry::rows(&[(Key::Letter('b'), Action::Sort('b'))], "sort by bytes").footer(30, "bytes"),
    Entry::rows(
        &[(Key::Letter('d'), Action::Sort('d')), (Key::Letter('s'), Action::Sort('s'))],
        "sort by diff: outstanding allocations",
    )
    .footer(111, "diff"),
    Entry::rows(
        &[
            (Key::Char('t'), Action::Sort('t')),
            (Key::Letter('a'), Action::Sort('a')),
            (Key::Letter('f'), Action::Sort('f')),
            (Key::Letter('m'), Action::Sort('m')),
        ],
        "sort by tag, allocs, frees, bytes per allocation",
    )
    .footer(130, "sort"),
    Entry::rows(
        &[(Key::Letter('v'), Action::SortByVerdict)],
        "sort by verdict: leaks first, when there is enough data",
    )
    .footer(50, "verdict"),
    Entry::rows(&[(Key::Char('('), Action::ByChange)], "sort by value or by change; also )")
        .aliases(&[(Key::Char(')'), Action::ByChange)])
        .footer(40, "change"),
    Entry::rows(
        &[(Key::Letter('z'), Action::Reverse)],
        "reverse the order; so does a click on the sorted title",
    )
    .footer(140, "reverse"),
    Entry::rows(&[(Key::Letter('p'), Action::Pool)], "one pool after the other, then all").footer(60, "pool"),
    Entry::rows(
        &[(Key::Char('g'), Action::Group)],
        "groups by owner, by verdict, by lockstep, then each row",
    )
    .only(TABLE)
    .footer(65, "group"),
    Entry::rows(
        &[(Key::Char('/'), Action::Search)],
        "search: ntf*, owner:ntfs, pool:paged, verdict:leak, >10M",
    )
    .footer(70, "search"),
    Entry::rows(
        &[
            (Key::Char('0'), Action::Session(0)),
            (Key::Char('1'), Action::Session(1)),
            (Key::Char('2'), Action::Session(2)),
            (Key::Char('3'), Action::Session(3)),
            (Key::Char('4'), Action::Session(4)),
            (Key::Char('5'), Action::Session(5)),
            (Key::Char('6'), Action::Session(6)),
            (Key::Char('7'), Action::Session(7)),
            (Key::Char('8'), Action::Session(8)),
            (Key::Char('9'), Action::Session(9)),
        ],
        "the pools of this session (old systems)",
    ),
    Entry::rows(&[(Key::Letter('i'), Action::SessionPrompt)], "ask for the id of a session")
        .footer(160, "session"),
    Entry::rows(
        &[(Key::Letter('c'), Action::Graph)],
        "graph of the pools: all, a day, an hour, 10 min, none",
    )
    .only(TABLE)
    .when(When::Live)
    .footer(104, "graph"),
    Entry::closer(BOTH, &[(Key::Char('y'), Action::Axis)], "axes from zero, or around the values")
        .footer(155, "axis"),
    Entry::rows(&[(Key::Letter('e'), Action::Totals)], "totals at the bottom, on or off")
        .footer(105, "totals"),
    Entry::rows(&[(Key::Char('|'), Action::Choose)], "choose the columns; also F3")
        .aliases(&[(Key::Code(KeyCode::F(3)), Action::Choose)])
        .only(TABLE)
        .footer(106, "columns"),
    Entry::rows(&[(Key::Letter('l'), Action::Highlight)], "highlighting of changes, on or off")
        .footer(150, "highlight"),
    Entry::rows(&[(Key::Letter('x'), Action::Fold)], "Linux: kmalloc-rnd-NN of a size in one row, or each")
        .footer(170, "unfold"),
    Entry::closer(
        BOTH,
        &[(Key::Letter('o'), Action::Holders)],
        "who holds objects: of the selected row, or all",
    )
    .footer(80, "holders"),
    Entry::closer(
        TABLE,
        &[(Key::Code(KeyCode::Enter), Action::Open)],
        "details of the row, or unfold its group; also a double click",
    )
    .footer(90, "detail"),
    Entry::closer(BOTH, &[(Key::Letter('w'), Action::Snapshot)], "write a snapshot to a file")
        .footer(120, "write"),
    Entry::moving(
        TABLE,
        &[
            (Key::Code(KeyCode::Left), Action::Columns(false)),
            (Key::Code(KeyCode::Right), Action::Columns(true)),
        ],
        "columns that do not fit; the tag stays",
    ),
    Entry::moving(
        TABLE,
        &[(Key::Code(KeyCode::Esc), Action::Back)],
        "end the search; quits while there is no history yet",
    ),
    Entry::closer(
        TABLE,
        &[(Key::Char('T'), Action::Trace)],
        "trace the selected row for 20 s; by tag if none is",
    ),
];

impl App {
    /// An action in the table or, of its rows, in the detail pane.
    pub(crate) fn table_action(&mut self, action: Action) {
        let page = isize::try_from(self.page()).unwrap_or(isize::MAX).max(2);
        match action {
            Action::Back if !self.settings.filter.search.text().is_empty() => self.search_for(""),
            Action::Back => self.leave(),
            Action::Open => self.open(),
            Action::Lines(by) => self.step(by),
            Action::Halves(by) if by.abs() == 1 => self.step(by * (page / 2).max(2)),
            Action::Halves(by) => self.step(by.signum() * (page - 1)),
            Action::First => self.deselect(),
            Action::Last => self.select(usize::MAX),
            Action::Columns(false) => self.view.skip = self.view.skip.saturating_sub(1),
            Action::Columns(true) if self.layout().hidden > self.view.skip => self.view.skip += 1,
            Action::Sort(letter) => {
                if let Some(column) = column::by_key(letter) {
                    self.sort_by(column);
                }
            }
            Action::SortByVerdict => self.sort_by_verdict(),
            Action::ByChange => {
                self.settings.sort.by_change = !self.settings.sort.by_change;
                self.derive();
            }
            Action::Reverse => {
                self.settings.sort.reversed = !self.settings.sort.reversed;
                self.order();
            }
            Action::Pool => {
                self.settings.filter.view = self.settings.filter.view.next(&self.now.origin.pools);
                self.deselect();
                self.derive();
            }
            Action::Search => self.mode = Mode::Search(self.settings.filter.search.text().to_owned()),
            Action::Session(id) => self.scope(Scope::Session(id)),
            Action::SessionPrompt => self.mode = Mode::Session(String::new()),
            Action::Totals => {
                self.settings.totals = !self.settings.totals;
                self.view.widths.grow(&self.view.table, self.settings.totals);
                self.keep_in_view();
            }
            Action::Highlight => {
                self.settings.highlight = !self.settings.highlight;
                self.say(if self.settings.highlight {
                    "Changes are highlighted."
                } else {
                    "Highlighting is off."
                });
            }
            Action::Axis => {
                self.view.from_zero = !self.view.from_zero;
                self.say(if self.view.from_zero {
                    "Axes begin at zero."
                } else {
                    "Axes are around the values."
                });
            }
            Action::Choose => self.choose_columns(),
            Action::Graph => self.next_graph(),
            Action::Fold => self.fold_key(),
            Action::Group => self.next_grouping(),
            Action::Holders => self.open_holders(),
            Action::Trace if !self.trace_selected() => self.sort_by_tag_instead(),
            _ => {}
        }
    }

    fn next_graph(&mut self) {
        self.view.graph = self.view.graph.next(self.pools.length());
        let said = match self.view.graph {
            GraphSpan::All => "The graph shows everything since the screen began.".to_owned(),
            GraphSpan::Last(seconds) => {
                let length = std::time::Duration::from_secs(seconds.unsigned_abs());
                format!("The graph shows the last {}.", poolmon_model::units::rough_span(length))
            }
            GraphSpan::Off => "No graph. Press c again for one.".to_owned(),
        };
        self.say(said);
        self.keep_in_view();
    }

    /// Esc with nothing to close. What took hours to come together is not thrown away by it.
    fn leave(&mut self) {
        if self.history.refreshes() > 2 || self.feed.is_tape() {
            self.say("Press q to quit. Esc closes only what is open.");
        } else {
            self.ask(Effect::Quit);
        }
    }

    /// PoolMon's letters mean the same in either case, `T` but on a row that is selected.
    fn sort_by_tag_instead(&mut self) {
        if self.feed.no_trace().is_none() && !self.simulated() {
            self.say("Sorted by tag. T traces a row: select one with the arrow keys first.");
        }
        self.sort_by(&column::TAG);
    }

    pub(crate) fn open(&mut self) {
        if self.view.table.rows.is_empty() {
            return;
        }
        if !self.fold_group(self.view.cursor) {
            self.mode = Mode::Detail;
            self.select(self.view.cursor);
        }
    }

    /// Moves the selection; the first step selects the first row on the screen.
    pub(crate) fn step(&mut self, by: isize) {
        if !self.view.has_selection() && by.abs() == 1 {
            self.select(self.view.top);
        } else {
            self.select(self.view.cursor.saturating_add_signed(by));
        }
    }

    pub(crate) fn search_for(&mut self, text: &str) {
        self.settings.filter.search = Search::new(text);
        self.derive();
    }

    fn sort_by(&mut self, column: &'static Column) {
        if self.settings.sort.column.id != column.id {
            self.settings.sort.column = column;
            self.settings.sort.reversed = false;
        }
        self.order();
    }

    fn sort_by_verdict(&mut self) {
        self.sort_by(&column::VERDICT);
        if let Some(why) = self.verdicts.waiting() {
            self.say(why);
        }
    }

    pub(crate) fn scope(&mut self, scope: Scope) {
        if scope == self.settings.filter.scope {
            return;
        }
        self.settings.filter.scope = scope;
        self.view.widths = crate::columns::Widths::default();
        self.deselect();
        self.ask(Effect::Sessions(scope != Scope::System));
        if scope != Scope::System {
            self.ask(Effect::Refresh);
        }
        self.derive();
    }
}
