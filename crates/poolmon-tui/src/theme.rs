//! Colours. The background is never set, and every colour can be read on black and on white.

use ratatui::style::{Color, Modifier, Style};

use crate::history::{Change, FADE, Mark};

/// How many colours the screen may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColourMode {
    /// Bold and reverse only.
    None,
    /// The terminal's own sixteen.
    #[default]
    Sixteen,
    /// 24-bit colours.
    True,
}

impl ColourMode {
    /// What the environment asks for: `NO_COLOR` (any value but empty), `TERM=dumb`, `COLORTERM=truecolor|24bit`.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Self {
        if get("NO_COLOR").is_some_and(|value| !value.is_empty()) || get("TERM").as_deref() == Some("dumb") {
            return Self::None;
        }
        match get("COLORTERM").as_deref() {
            Some("truecolor" | "24bit") => Self::True,
            _ => Self::Sixteen,
        }
    }
}

/// Luminance near 0.18: contrast of at least 4 against black and against white.
const RED: (u8, u8, u8) = (0xd0, 0x4a, 0x3c);
const GREEN: (u8, u8, u8) = (0x1f, 0x8a, 0x4c);
const VIOLET: (u8, u8, u8) = (0xa0, 0x60, 0xd0);
const BLUE: (u8, u8, u8) = (0x2f, 0x7f, 0xc4);
const AMBER: (u8, u8, u8) = (0xa8, 0x6f, 0x10);
const GREY: (u8, u8, u8) = (0x78, 0x78, 0x78);

/// The styles of everything on the screen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Theme {
    mode: ColourMode,
}

impl Theme {
    /// A theme of this many colours.
    pub const fn new(mode: ColourMode) -> Self {
        Self { mode }
    }

    fn colour(self, named: Color, (r, g, b): (u8, u8, u8)) -> Style {
        match self.mode {
            ColourMode::None => Style::new(),
            ColourMode::Sixteen => Style::new().fg(named),
            ColourMode::True => Style::new().fg(Color::Rgb(r, g, b)),
        }
    }

    /// More than before: what a leak looks like.
    pub fn grew(self) -> Style {
        self.colour(Color::Red, RED)
    }

    /// The verdict that a row leaks.
    pub fn leaking(self) -> Style {
        self.grew().add_modifier(Modifier::BOLD)
    }

    /// Less than before.
    pub fn shrank(self) -> Style {
        self.colour(Color::Green, GREEN)
    }

    /// Was not there before.
    pub fn new_row(self) -> Style {
        self.colour(Color::Magenta, VIOLET).add_modifier(Modifier::BOLD)
    }

    /// Gave everything back.
    pub fn gone(self) -> Style {
        self.dim().add_modifier(Modifier::CROSSED_OUT)
    }

    /// Labels, hints, what is steady.
    pub fn dim(self) -> Style {
        match self.mode {
            ColourMode::True => self.colour(Color::Reset, GREY),
            _ => Style::new().add_modifier(Modifier::DIM),
        }
    }

    /// Keys, the sorted column, titles.
    pub fn accent(self) -> Style {
        self.colour(Color::Cyan, BLUE).add_modifier(Modifier::BOLD)
    }

    /// Old data, refusals, simulated data.
    pub fn warning(self) -> Style {
        self.colour(Color::Yellow, AMBER).add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }

    /// The column line.
    pub fn titles(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
    }

    /// Headings.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The selected row.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// A row by its last change; the style fades with age.
    pub fn mark(self, mark: Mark) -> Style {
        let (style, rgb) = match mark.change {
            Change::Grew => (self.grew(), RED),
            Change::Shrank => (self.shrank(), GREEN),
            Change::New => (self.new_row(), VIOLET),
            Change::Busy => return if mark.age == 0 { self.strong() } else { Style::new() },
        };
        if mark.age == 0 {
            return style.add_modifier(Modifier::BOLD);
        }
        let style = style.remove_modifier(Modifier::BOLD);
        match self.mode {
            ColourMode::None => Style::new(),
            ColourMode::Sixteen if mark.age == 1 => style,
            ColourMode::Sixteen => style.add_modifier(Modifier::DIM),
            ColourMode::True => {
                let (r, g, b) = faded(rgb, mark.age);
                Style::new().fg(Color::Rgb(r, g, b))
            }
        }
    }
}

/// A colour on its way to grey.
fn faded((r, g, b): (u8, u8, u8), age: u8) -> (u8, u8, u8) {
    let mix = |from: u8, to: u8| {
        let (from, to) = (u16::from(from), u16::from(to));
        let steps = u16::from(FADE);
        let age = u16::from(age).min(steps);
        u8::try_from((from * (steps - age) + to * age) / steps).unwrap_or(u8::MAX)
    };
    (mix(r, GREY.0), mix(g, GREY.1), mix(b, GREY.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides() {
        let with = |set: &'static [(&str, &str)]| {
            ColourMode::from_env(move |name| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(with(&[]), ColourMode::Sixteen);
        assert_eq!(with(&[("COLORTERM", "truecolor")]), ColourMode::True);
        assert_eq!(with(&[("COLORTERM", "truecolor"), ("NO_COLOR", "1")]), ColourMode::None);
        assert_eq!(with(&[("NO_COLOR", "")]), ColourMode::Sixteen);
        assert_eq!(with(&[("TERM", "dumb")]), ColourMode::None);
    }

    fn luminance((r, g, b): (u8, u8, u8)) -> f64 {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
    }

    #[test]
    fn colours_read_on_black_and_on_white() {
        let faded = [RED, GREEN, VIOLET].map(|colour| faded(colour, 2));
        for colour in [RED, GREEN, VIOLET, BLUE, AMBER, GREY].into_iter().chain(faded) {
            let l = luminance(colour);
            let (white, black) = (1.05 / (l + 0.05), (l + 0.05) / 0.05);
            assert!(white >= 3.9 && black >= 3.9, "{colour:?}: {white:.2} on white, {black:.2} on black");
        }
    }

    #[test]
    fn no_colour_means_no_colour() {
        let theme = Theme::new(ColourMode::None);
        let mark = |change, age| theme.mark(Mark { change, age });
        for style in [
            theme.grew(),
            theme.warning(),
            theme.accent(),
            theme.new_row(),
            theme.gone(),
            mark(Change::Grew, 0),
            mark(Change::Shrank, 2),
        ] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
        assert!(mark(Change::Grew, 0).add_modifier.contains(Modifier::BOLD));
    }

    #[test]
    fn no_style_sets_the_background() {
        for mode in [ColourMode::None, ColourMode::Sixteen, ColourMode::True] {
            let theme = Theme::new(mode);
            for style in [theme.grew(), theme.warning(), theme.selected(), theme.titles(), theme.dim()] {
                assert_eq!(style.bg, None);
            }
        }
    }
}
