//! Keys: which view has them, and what all views share.

use ratatui_crossterm::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::app::{App, Baseline, Effect, INTERVALS, Mode, Opening};
use crate::bindings::{Action, View};
use crate::render;
use crate::theme::{ColourMode, Theme};

impl App {
    /// A key was pressed.
    pub fn on_key(&mut self, key: KeyEvent) {
        if key.kind == KeyEventKind::Release {
            return;
        }
        self.opening = Opening::AsAsked;
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        // Esc and a key soon after it reach us in one piece, which reads as Alt with that key. Where Esc closes something
        // that is what it was. With Control it is AltGr, which types characters.
        let alt = key.modifiers.contains(KeyModifiers::ALT) && !control;
        if alt && self.mode != Mode::Table && matches!(key.code, KeyCode::Char(_)) {
            self.on_key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE));
            self.on_key(KeyEvent::new(key.code, key.modifiers - KeyModifiers::ALT));
            return;
        }
        let found = self.settings.keys.find(self.mode.view(), self.feed.is_tape(), &key);
        if self.mode.is_prompt() {
            // A prompt takes every key as text but those with Control.
            return match found.filter(|_| control && !key.modifiers.contains(KeyModifiers::ALT)) {
                Some(action @ (Action::Quit | Action::Redraw)) => self.act(action),
                _ => self.prompt_key(key.code),
            };
        }
        match found {
            Some(action) => self.act(action),
            // PoolMon refreshes on any other key.
            None if !control && matches!(self.mode.view(), View::Table | View::Detail) => {
                self.ask(Effect::Refresh);
            }
            None => {}
        }
    }

    /// Does what a key stands for in the view that has the keys.
    pub(crate) fn act(&mut self, action: Action) {
        match action {
            Action::Quit => self.ask(Effect::Quit),
            Action::Redraw => {
                self.ask(Effect::Redraw);
                self.ask(Effect::Refresh);
            }
            Action::Refresh => self.ask(Effect::Refresh),
            Action::Snapshot => self.ask(Effect::Snapshot),
            Action::Theme => self.next_theme(),
            Action::Help => self.mode = Mode::Help { at: 0, over: self.mode.view() },
            Action::Baseline => self.set_baseline(),
            Action::Interval(longer) => self.change_interval(longer),
            Action::Pause => self.pause(),
            action if self.tape_action(action) => {}
            action => match self.mode.view() {
                View::Help => self.help_action(action),
                View::Columns => self.chooser_action(action),
                View::Holders | View::Kinds => self.holder_action(action),
                View::Detail => self.detail_action(action),
                View::Table => self.table_action(action),
            },
        }
    }

    pub(crate) fn help_action(&mut self, action: Action) {
        let Mode::Help { at, over } = self.mode else { return };
        let page = self.size.1.saturating_sub(2);
        let most = render::help::lines(self, over).saturating_sub(page);
        let by = |lines: isize| at.saturating_add_signed(i16::try_from(lines).unwrap_or(0));
        let to = match action {
            Action::Back => {
                self.mode = over.into();
                return;
            }
            Action::Lines(lines) => by(lines),
            Action::Halves(halves) => by(halves * isize::try_from(page / 2).unwrap_or(0).max(1)),
            Action::First => 0,
            Action::Last => most,
            _ => return,
        };
        self.mode = Mode::Help { at: to.min(most), over };
    }

    fn next_theme(&mut self) {
        let mode = self.theme.mode();
        if mode != ColourMode::True {
            return self.say(match mode {
                ColourMode::None => "Colours are off: NO_COLOR is set, or --color never was given.",
                _ => "This terminal has 16 colours: its own settings say which. --color always uses all.",
            });
        }
        let palette = self.theme.palette().next();
        self.theme = Theme::new(mode, palette);
        self.say(format!("Theme {}. poolmon --theme {} starts with it.", palette.name(), palette.name()));
    }

    fn pause(&mut self) {
        if self.feed.is_still() {
            return self.ask(Effect::Refresh);
        }
        self.paused = !self.paused;
        if !self.paused {
            self.ask(Effect::Refresh);
        }
    }

    fn set_baseline(&mut self) {
        self.holders.set_baseline(self.baseline.is_none());
        if self.baseline.take().is_none() {
            self.baseline = Some(Baseline { sample: self.now.clone(), at: self.baseline_time() });
            self.say(self.feed.baseline_set());
        } else {
            self.say("Changes are shown since the refresh before.");
        }
        self.derive();
        self.derive_holders();
    }

    fn baseline_time(&self) -> jiff::Timestamp {
        if self.feed.is_tape() { self.shown_time() } else { self.arrived }
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
}
