//! Prompts: a session's id, the search line, a moment of the tape. They take every key as text.

use poolmon_model::Scope;
use ratatui_crossterm::crossterm::event::KeyCode;

use crate::app::{App, Effect, Mode};
use crate::bindings::View;
use crate::replay::deck::Motion;

impl App {
    pub(crate) fn prompt_key(&mut self, code: KeyCode) {
        match std::mem::replace(&mut self.mode, Mode::Table) {
            Mode::Session(text) => self.session_key(code, text),
            Mode::Search(text) => self.search_key(code, text),
            Mode::Jump { text, over } => self.jump_key(code, text, over),
            Mode::Run { at } => self.run_key(code, at),
            mode => self.mode = mode,
        }
    }

    pub(crate) fn prompt_for_moment(&mut self) {
        self.mode = Mode::Jump { text: String::new(), over: self.mode.view() };
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
        if text != self.settings.filter.search.text() {
            self.search_for(&text);
        }
        self.mode = Mode::Search(text);
    }

    fn jump_key(&mut self, code: KeyCode, mut text: String, over: View) {
        match code {
            KeyCode::Esc | KeyCode::Enter => {
                self.mode = over.into();
                if code == KeyCode::Enter && !text.trim().is_empty() {
                    self.ask(Effect::Wind(Motion::Said(text)));
                }
                return;
            }
            KeyCode::Char(c) if text.chars().count() < 40 => text.push(c),
            KeyCode::Backspace if text.is_empty() => {
                self.mode = over.into();
                return;
            }
            KeyCode::Backspace => drop(text.pop()),
            _ => {}
        }
        self.mode = Mode::Jump { text, over };
    }
}
