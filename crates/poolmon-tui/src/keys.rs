//! What keys and the mouse do to the state. PoolMon's keys first; upper and lower case alike.

use ratatui_crossterm::crossterm::event::{
    KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};

use poolmon_model::column::{self, Column, Unit};
use poolmon_model::{Pattern, Scope};

use crate::app::{App, Baseline, Effect, INTERVALS, Mode};
use crate::columns::CellKind;
use crate::render;

/// Two clicks within this many milliseconds are a double click.
const DOUBLE_CLICK: i64 = 400;
/// Rows that one turn of the wheel moves.
const WHEEL: isize = 3;

impl App {
    /// A key was pressed.
    pub fn on_key(&mut self, key: KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        // Esc and a key soon after it reach us in one piece, which reads as Alt with that key. Where Esc closes something
        // that is what it was. With Control it is AltGr, which types characters.
        let alt = key.modifiers.contains(KeyModifiers::ALT) && !control;
        if alt && self.mode != Mode::Table && matches!(key.code, KeyCode::Char(_)) {
            self.on_key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
            self.on_key(KeyEvent::new(key.code, key.modifiers - KeyModifiers::ALT));
            return;
        }
        if control && matches!(key.code, KeyCode::Char('c' | 'C')) {
            self.ask(Effect::Quit);
            return;
        }
        if control && matches!(key.code, KeyCode::Char('l' | 'L')) {
            self.ask(Effect::Redraw);
            self.ask(Effect::Refresh);
            return;
        }
        match std::mem::replace(&mut self.mode, Mode::Table) {
            Mode::Help(at) => self.help_key(key.code, at),
            Mode::Session(text) => self.session_key(key.code, text),
            Mode::Search(text) => self.search_key(key.code, text),
            Mode::Jump { text, detail } => self.jump_key(key.code, text, detail),
            mode @ (Mode::Holders | Mode::Kinds) => {
                self.mode = mode;
                if !self.holder_key(key.code) && !self.time_key(key.code, key.modifiers) {
                    self.table_key(key.code, control);
                }
            }
            mode @ (Mode::Detail | Mode::Table) => {
                self.mode = mode;
                if !self.time_key(key.code, key.modifiers) {
                    self.table_key(key.code, control);
                }
            }
        }
    }

    fn help_key(&mut self, code: KeyCode, at: u16) {
        let most = render::help::lines(self).saturating_sub(self.size.1.saturating_sub(2));
        let to = match code {
            KeyCode::Up => at.saturating_sub(1),
            KeyCode::Down => at + 1,
            KeyCode::PageUp => at.saturating_sub(10),
            KeyCode::PageDown => at + 10,
            KeyCode::Home => 0,
            KeyCode::End => most,
            _ => return,
        };
        self.mode = Mode::Help(to.min(most));
    }

    fn session_key(&mut self, code: KeyCode, mut text: String) {
        match code {
            KeyCode::Esc => return,
            KeyCode::Enter => {
                match text.parse() {
                    Ok(id) => self.scope(Scope::Session(id)),
                    Err(_) if text.is_empty() => self.scope(Scope::AllSessions),
                    Err(_) => self.say(format!("`{text}` is not a session id: a number up to 4294967295.")),
                }
                return;
            }
            KeyCode::Char('s' | 'S') => {
                self.scope(Scope::System);
                return;
            }
            KeyCode::Char(digit) if digit.is_ascii_digit() && text.len() < 10 => text.push(digit),
            KeyCode::Backspace => {
                text.pop();
            }
            _ => {}
        }
        self.mode = Mode::Session(text);
    }

    fn search_key(&mut self, code: KeyCode, mut text: String) {
        match code {
            KeyCode::Esc => {
                self.search_for("");
                return;
            }
            KeyCode::Enter => return,
            KeyCode::Char(c) if text.chars().count() < 60 => text.push(c),
            KeyCode::Backspace if text.is_empty() => return,
            KeyCode::Backspace => drop(text.pop()),
            KeyCode::Up => self.step(-1),
            KeyCode::Down => self.step(1),
            _ => {}
        }
        if text != self.search {
            self.search_for(&text);
        }
        self.mode = Mode::Search(text);
    }

    fn search_for(&mut self, text: &str) {
        text.clone_into(&mut self.search);
        self.settings.filter.search = (!text.is_empty()).then(|| Pattern::search(text));
        self.derive();
    }

    fn table_key(&mut self, code: KeyCode, control: bool) {
        let KeyCode::Char(letter) = code else { return self.move_key(code) };
        if control {
            return;
        }
        // PoolMon's letters mean the same in either case, this one but on a row that is selected.
        if letter == 'T' && self.trace_key() || letter == 'c' && self.chart_key() {
            return;
        }
        if letter == 'T' && self.replay.is_none() && !self.simulated() && !self.still {
            self.say("Sorted by tag. T traces a row: select one with the arrow keys first.");
        }
        match letter.to_ascii_lowercase() {
            'q' => self.ask(Effect::Quit),
            'h' | '?' => self.mode = Mode::Help(0),
            'p' => {
                self.settings.filter.view = self.settings.filter.view.next(&self.now.origin.pools);
                self.deselect();
                self.derive();
            }
            '(' | ')' => {
                self.settings.sort.by_change = !self.settings.sort.by_change;
                self.derive();
            }
            digit @ '0'..='9' => self.scope(Scope::Session(digit.to_digit(10).unwrap_or(0))),
            'o' => self.open_holders(),
            'i' => self.mode = Mode::Session(String::new()),
            '/' => self.mode = Mode::Search(self.search.clone()),
            'l' => {
                self.settings.highlight = !self.settings.highlight;
                self.say(if self.settings.highlight {
                    "Changed rows are highlighted."
                } else {
                    "Highlighting is off."
                });
            }
            'e' => {
                self.settings.totals = !self.settings.totals;
                self.widths.grow(&self.table, self.settings.totals);
                self.keep_in_view();
            }
            'v' => self.verdict_key(),
            'x' => self.fold_key(),
            'z' => self.sort_reversed(),
            ' ' if self.still => self.ask(Effect::Refresh),
            ' ' => {
                self.paused = !self.paused;
                if !self.paused {
                    self.ask(Effect::Refresh);
                }
            }
            '=' => self.baseline_key(),
            '+' => self.change_interval(true),
            '-' => self.change_interval(false),
            'w' => self.ask(Effect::Snapshot),
            letter => match column::by_key(letter) {
                Some(column) => self.sort_by(column),
                // PoolMon refreshes on any other key.
                None => self.ask(Effect::Refresh),
            },
        }
    }

    fn move_key(&mut self, code: KeyCode) {
        let page = isize::try_from(self.page()).unwrap_or(isize::MAX);
        match code {
            KeyCode::Esc if self.stop_trace() => {}
            KeyCode::PageUp if self.scroll_trace(-1, 0) => {}
            KeyCode::PageDown if self.scroll_trace(1, 0) => {}
            KeyCode::Esc | KeyCode::Enter if self.mode == Mode::Detail => self.mode = Mode::Table,
            KeyCode::Esc if self.settings.filter.search.is_some() => self.search_for(""),
            KeyCode::Esc => self.ask(Effect::Quit),
            KeyCode::Enter => self.open(),
            KeyCode::Up => self.step(-1),
            KeyCode::Down => self.step(1),
            KeyCode::PageUp => self.step(1 - page.max(2)),
            KeyCode::PageDown => self.step(page.max(2) - 1),
            KeyCode::Left => self.skip = self.skip.saturating_sub(1),
            KeyCode::Right if self.layout().hidden > self.skip => self.skip += 1,
            KeyCode::Home if self.mode == Mode::Detail => self.select(0),
            KeyCode::Home => self.deselect(),
            KeyCode::End => self.select(usize::MAX),
            KeyCode::Right => {}
            _ => self.ask(Effect::Refresh),
        }
    }

    pub(crate) fn open(&mut self) {
        if self.table.rows.is_empty() {
            return;
        }
        self.mode = Mode::Detail;
        self.select(self.cursor);
    }

    /// Moves the selection; the first step selects the first row on the screen.
    fn step(&mut self, by: isize) {
        if self.selected.is_none() && by.abs() == 1 {
            self.select(self.top);
        } else {
            self.select(self.cursor.saturating_add_signed(by));
        }
    }

    fn scroll(&mut self, by: isize) {
        let most = self.table.rows.len().saturating_sub(self.page());
        self.top = self.top.saturating_add_signed(by).min(most);
        // The selection stays on the screen; without one the view simply moves.
        if self.selected.is_some() {
            let bottom = self.top + self.page() - 1;
            self.select(self.cursor.clamp(self.top, bottom));
        }
    }

    fn sort_by(&mut self, column: &'static Column) {
        if self.settings.sort.column.id != column.id {
            self.settings.sort.column = column;
            self.settings.sort.reversed = false;
        }
        self.order();
    }

    fn verdict_key(&mut self) {
        self.sort_by(&column::VERDICT);
        if let Some(why) = self.verdicts.waiting() {
            self.say(why);
        }
    }

    fn sort_reversed(&mut self) {
        self.settings.sort.reversed = !self.settings.sort.reversed;
        self.order();
    }

    fn scope(&mut self, scope: Scope) {
        if scope == self.settings.filter.scope {
            return;
        }
        self.settings.filter.scope = scope;
        self.widths = crate::columns::Widths::default();
        self.deselect();
        self.ask(Effect::Sessions(scope != Scope::System));
        if scope != Scope::System {
            self.ask(Effect::Refresh);
        }
        self.derive();
    }

    fn baseline_key(&mut self) {
        self.holders.set_baseline(self.baseline.is_none());
        if self.baseline.take().is_none() {
            self.baseline = Some(Baseline { sample: self.now.clone(), at: self.baseline_time() });
            self.say(if self.replay.is_some() {
                "Changes are shown from this sample on. Press = again to compare with the sample before."
            } else {
                "Changes are shown from this moment on. Press = again to compare with the refresh before."
            });
        } else {
            self.say("Changes are shown since the refresh before.");
        }
        self.derive();
        self.derive_holders();
    }

    fn baseline_time(&self) -> jiff::Timestamp {
        if self.replay.is_some() { self.shown_time() } else { self.arrived }
    }

    fn change_interval(&mut self, longer: bool) {
        let now = u64::try_from(self.interval.as_millis()).unwrap_or(u64::MAX);
        let next = if longer {
            INTERVALS.into_iter().find(|&step| step > now)
        } else {
            INTERVALS.into_iter().rev().find(|&step| step < now)
        };
        if let Some(next) = next {
            self.interval = std::time::Duration::from_millis(next);
        }
        self.say(format!("A refresh every {}.", poolmon_model::units::span(self.interval)));
    }

    /// The mouse was used.
    pub fn on_mouse(&mut self, mouse: MouseEvent) {
        match mouse.kind {
            MouseEventKind::ScrollUp => self.wheel(-WHEEL),
            MouseEventKind::ScrollDown => self.wheel(WHEEL),
            MouseEventKind::Down(MouseButton::Left) => self.click(mouse.column, mouse.row),
            _ => {}
        }
    }

    fn wheel(&mut self, by: isize) {
        match &mut self.mode {
            Mode::Help(_) => {
                let Mode::Help(at) = std::mem::replace(&mut self.mode, Mode::Table) else { return };
                let code = if by < 0 { KeyCode::Up } else { KeyCode::Down };
                self.help_key(code, at);
            }
            Mode::Holders | Mode::Kinds => {
                let code = if by < 0 { KeyCode::Up } else { KeyCode::Down };
                for _ in 0..by.unsigned_abs() {
                    self.holder_key(code);
                }
            }
            Mode::Detail => {
                if !self.scroll_trace(0, i32::try_from(by).unwrap_or(0)) {
                    self.step(by.signum());
                }
            }
            _ => self.scroll(by),
        }
    }

    fn click(&mut self, x: u16, y: u16) {
        if matches!(self.mode, Mode::Help(_) | Mode::Detail | Mode::Holders | Mode::Kinds) {
            return;
        }
        let regions = render::regions(self);
        if regions.titles.height > 0 && y == regions.titles.y {
            self.click_title(x);
            return;
        }
        if y < regions.rows.y || y >= regions.rows.bottom() {
            return;
        }
        let at = self.top + usize::from(y - regions.rows.y);
        if at >= self.table.rows.len() {
            return;
        }
        let double = self.last_click.is_some_and(|(last, when)| {
            last == at && self.clock.as_millisecond() - when.as_millisecond() <= DOUBLE_CLICK
        });
        self.last_click = (!double).then_some((at, self.clock));
        self.select(at);
        if double {
            self.open();
        }
    }

    /// A title sorts by its column; the title of the sorted column turns the order around.
    fn click_title(&mut self, x: u16) {
        let layout = self.layout();
        let Some(place) = layout.places.iter().find(|p| x >= p.x && x < p.x + p.width) else { return };
        let column = match place.kind {
            CellKind::Value
            | CellKind::Change
            | CellKind::Driver
            | CellKind::Description
            | CellKind::Verdict => place.column,
            CellKind::Human | CellKind::Trend => &column::BYTES,
        };
        let by_change = place.kind == CellKind::Change || place.kind == CellKind::Trend;
        let sort = &mut self.settings.sort;
        if sort.column.id == column.id && (sort.by_change == by_change || column.unit == Unit::Text) {
            sort.reversed = !sort.reversed;
        } else {
            sort.column = column;
            sort.reversed = false;
            sort.by_change = by_change;
        }
        self.derive();
    }
}
