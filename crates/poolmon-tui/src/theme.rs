//! Colours, by what they mean. Nothing is said by colour alone: each comes with a sign, a word or an attribute.
//!
//! The background is not set, but for the selected row in a palette that knows what is behind.

pub use poolmon_model::Magnitude;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

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

/// How the screen looks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// How many colours there are.
    pub colours: ColourMode,
    /// Which.
    pub palette: Palette,
    /// What curves are made of.
    pub strokes: Strokes,
}

impl From<ColourMode> for Look {
    fn from(colours: ColourMode) -> Self {
        Self { colours, ..Self::default() }
    }
}

impl Look {
    /// What the environment says of the terminal.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Self {
        Self { colours: ColourMode::from_env(&get), strokes: Strokes::from_env(&get), palette: Palette::Auto }
    }
}

/// What curves are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strokes {
    /// Braille dots: two by four in a cell.
    #[default]
    Braille,
    /// Blocks of eighths, for consoles whose fonts have no Braille.
    Blocks,
}

impl Strokes {
    /// Fonts of Linux' own console and of Windows' older one have no Braille.
    fn from_env(get: impl Fn(&str) -> Option<String>) -> Self {
        let term = get("TERM").unwrap_or_default();
        let old_windows = cfg!(windows) && get("WT_SESSION").is_none() && get("TERM_PROGRAM").is_none();
        if term == "linux" || term == "dumb" || old_windows { Self::Blocks } else { Self::Braille }
    }
}

type Rgb = (u8, u8, u8);

/// Which colours: what they mean is the same in all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Palette {
    /// Read on black and on white.
    #[default]
    Auto,
    /// For a dark background.
    Dark,
    /// For a light one.
    Light,
    /// For a black background and tired eyes.
    Contrast,
    /// Distinguishable with any kind of colour blindness, on black and on white.
    ColourBlind,
}

impl Palette {
    /// All of them, in the order in which a key walks through them.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Dark, Self::Light, Self::Contrast, Self::ColourBlind];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
            Self::Contrast => "contrast",
            Self::ColourBlind => "colour-blind",
        }
    }

    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|palette| *palette == self).unwrap_or(0);
        Self::ALL.get(at + 1).copied().unwrap_or_default()
    }

    const fn hues(self) -> &'static Hues {
        match self {
            Self::Auto => &AUTO,
            Self::Dark => &DARK,
            Self::Light => &LIGHT,
            Self::Contrast => &CONTRAST,
            Self::ColourBlind => &COLOUR_BLIND,
        }
    }
}

impl std::str::FromStr for Palette {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = if text == "color-blind" { "colour-blind" } else { text };
        Self::ALL.into_iter().find(|palette| palette.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("`{text}` is not a theme; there are {names}")
        })
    }
}

/// The colours of a palette.
struct Hues {
    /// Verdicts, and nothing else.
    verdict: Rgb,
    grew: Rgb,
    shrank: Rgb,
    new: Rgb,
    accent: Rgb,
    warning: Rgb,
    dim: Rgb,
    /// Background of the selected row, if the palette knows what is behind.
    selection: Option<Rgb>,
}

/// Luminance near 0.19: contrast of about 4 and more against black and against white.
const AUTO: Hues = Hues {
    verdict: (0xd0, 0x4a, 0x3c),
    grew: (0xa8, 0x6f, 0x10),
    shrank: (0x1f, 0x86, 0xa8),
    new: (0xa0, 0x60, 0xd0),
    accent: (0x2f, 0x7f, 0xc4),
    warning: (0xa8, 0x6f, 0x10),
    dim: (0x78, 0x78, 0x78),
    selection: None,
};

const DARK: Hues = Hues {
    verdict: (0xff, 0x6b, 0x5e),
    grew: (0xf0, 0xb4, 0x5a),
    shrank: (0x5c, 0xc8, 0xe0),
    new: (0xc7, 0x92, 0xea),
    accent: (0x6c, 0xb6, 0xff),
    warning: (0xf0, 0xb4, 0x5a),
    dim: (0x8a, 0x8f, 0x98),
    selection: Some((0x2a, 0x3a, 0x52)),
};

const LIGHT: Hues = Hues {
    verdict: (0xb3, 0x26, 0x1e),
    grew: (0x8a, 0x5a, 0x00),
    shrank: (0x00, 0x6b, 0x8f),
    new: (0x7b, 0x3f, 0xb5),
    accent: (0x1a, 0x5f, 0xb4),
    warning: (0x8a, 0x5a, 0x00),
    dim: (0x6a, 0x6a, 0x6a),
    selection: Some((0xd9, 0xe6, 0xf7)),
};

const CONTRAST: Hues = Hues {
    verdict: (0xff, 0x8f, 0x85),
    grew: (0xff, 0xd7, 0x5f),
    shrank: (0x5f, 0xff, 0xff),
    new: (0xe5, 0xb3, 0xff),
    accent: (0x9f, 0xd0, 0xff),
    warning: (0xff, 0xd7, 0x5f),
    dim: (0xd0, 0xd0, 0xd0),
    selection: Some((0x00, 0x3f, 0x8f)),
};

/// Verdict, growth and shrinking stay apart for each of the three kinds of colour blindness.
const COLOUR_BLIND: Hues = Hues {
    verdict: (0xc4, 0x54, 0x0a),
    grew: (0x8f, 0x74, 0xc8),
    shrank: (0x00, 0x85, 0x7a),
    new: (0x78, 0x78, 0x78),
    accent: (0x2f, 0x7f, 0xc4),
    warning: (0xc4, 0x54, 0x0a),
    dim: (0x78, 0x78, 0x78),
    selection: None,
};

/// The styles of everything on the screen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Theme {
    mode: ColourMode,
    palette: Palette,
}

impl Theme {
    /// A theme of this many colours.
    pub const fn new(mode: ColourMode, palette: Palette) -> Self {
        Self { mode, palette }
    }

    /// Its palette.
    pub const fn palette(self) -> Palette {
        self.palette
    }

    /// How many colours it has.
    pub const fn mode(self) -> ColourMode {
        self.mode
    }

    fn colour(self, named: Color, hue: fn(&Hues) -> Rgb) -> Style {
        match self.mode {
            ColourMode::None => Style::new(),
            ColourMode::Sixteen => Style::new().fg(named),
            ColourMode::True => {
                let (r, g, b) = hue(self.palette.hues());
                Style::new().fg(Color::Rgb(r, g, b))
            }
        }
    }

    /// The verdict that a row leaks. Nothing else on the screen has this colour.
    pub fn leaking(self) -> Style {
        self.colour(Color::Red, |hues| hues.verdict).add_modifier(Modifier::BOLD)
    }

    /// The verdict that a row may leak.
    pub fn suspected(self) -> Style {
        self.grew().add_modifier(Modifier::BOLD)
    }

    /// The verdict that a row grows.
    pub fn growing(self) -> Style {
        self.grew()
    }

    /// More than before.
    pub fn grew(self) -> Style {
        self.colour(Color::Yellow, |hues| hues.grew)
    }

    /// Less than before.
    pub fn shrank(self) -> Style {
        self.colour(Color::Cyan, |hues| hues.shrank)
    }

    /// A change: its colour says which way, its strength how much.
    pub fn change(self, grew: bool, magnitude: Magnitude) -> Style {
        let style = if grew { self.grew() } else { self.shrank() };
        match magnitude {
            Magnitude::None => self.dim(),
            Magnitude::Small => Style::new(),
            Magnitude::Some => style,
            Magnitude::Large => style.add_modifier(Modifier::BOLD),
        }
    }

    /// Was not there before.
    pub fn new_row(self) -> Style {
        self.colour(Color::Magenta, |hues| hues.new).add_modifier(Modifier::BOLD)
    }

    /// Gave everything back.
    pub fn gone(self) -> Style {
        self.dim().add_modifier(Modifier::CROSSED_OUT)
    }

    /// Labels, hints, what is steady.
    pub fn dim(self) -> Style {
        match self.mode {
            ColourMode::True => self.colour(Color::Reset, |hues| hues.dim),
            _ => Style::new().add_modifier(Modifier::DIM),
        }
    }

    /// Keys, the sorted column, titles.
    pub fn accent(self) -> Style {
        self.colour(Color::Cyan, |hues| hues.accent).add_modifier(Modifier::BOLD)
    }

    /// Old data, refusals, simulated data.
    pub fn warning(self) -> Style {
        self.colour(Color::Yellow, |hues| hues.warning).add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }

    /// The column line.
    pub fn titles(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
    }

    /// Headings.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// A line of a surface under a curve, `line` counted from the top: deeper is darker where there are colours enough.
    pub fn surface(self, line: u16, height: u16) -> Style {
        let style = self.accent().remove_modifier(Modifier::BOLD);
        let Some(Color::Rgb(r, g, b)) = style.fg else { return style };
        let lines = u16::max(height, 2) - 1;
        // From the colour itself to six tenths of it.
        let fade = |c: u8| {
            let part = 10 * u32::from(lines) - 4 * u32::from(line.min(lines));
            u8::try_from(u32::from(c) * part / (10 * u32::from(lines))).unwrap_or(u8::MAX)
        };
        if self.palette == Palette::Light { style } else { style.fg(Color::Rgb(fade(r), fade(g), fade(b))) }
    }

    /// A full cell of a meter of `cells` cells: warmer where little is left.
    pub fn meter(self, cell: usize, cells: usize) -> Style {
        // Up to a half of it is cold; from three quarters on, sixteen colours are warm.
        let percent = cell * 100 / cells.max(1);
        let cold = self.accent().remove_modifier(Modifier::BOLD);
        if self.mode != ColourMode::True {
            return if percent < 75 { cold } else { self.grew() };
        }
        let (from, to) = (self.palette.hues().accent, self.palette.hues().grew);
        let warm = u32::try_from(percent).unwrap_or(100).clamp(50, 100) - 50;
        let mix = |from: u8, to: u8| {
            u8::try_from((u32::from(from) * (50 - warm) + u32::from(to) * warm) / 50).unwrap_or(u8::MAX)
        };
        cold.fg(Color::Rgb(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2)))
    }

    /// A selected cell.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Marks a whole line as selected: one surface from edge to edge, whatever its cells look like.
    pub fn select_line(self, line: Rect, buffer: &mut Buffer) {
        if let (ColourMode::True, Some((r, g, b))) = (self.mode, self.palette.hues().selection) {
            buffer.set_style(line, Style::new().bg(Color::Rgb(r, g, b)).add_modifier(Modifier::BOLD));
        } else {
            // Colours would be a patchwork of backgrounds once they are reversed.
            buffer.set_style(line, Style::reset().add_modifier(Modifier::REVERSED));
        }
    }
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

    fn contrast(a: f64, b: f64) -> f64 {
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn all(hues: &Hues) -> [Rgb; 7] {
        [hues.verdict, hues.grew, hues.shrank, hues.new, hues.accent, hues.warning, hues.dim]
    }

    #[test]
    fn colours_read_on_what_is_behind_them() {
        for (palette, behind, least) in [
            (Palette::Auto, &[0.0, 1.0][..], 3.9),
            (Palette::ColourBlind, &[0.0, 1.0], 3.8),
            (Palette::Dark, &[0.0, luminance((0x1e, 0x1e, 0x1e))], 4.5),
            (Palette::Light, &[1.0, luminance((0xf5, 0xf5, 0xf0))], 4.5),
            (Palette::Contrast, &[0.0], 9.5),
        ] {
            let hues = palette.hues();
            for colour in all(hues) {
                for behind in behind {
                    let found = contrast(luminance(colour), *behind);
                    assert!(found >= least, "{palette:?} {colour:?}: {found:.2} on {behind:.2}");
                }
                // What is selected stays readable, too.
                if let Some(selection) = hues.selection {
                    let found = contrast(luminance(colour), luminance(selection));
                    assert!(found >= 3.4, "{palette:?} {colour:?}: {found:.2} where it is selected");
                }
            }
        }
    }

    /// Machado, Oliveira and Fernandes 2009, severity 1: red-blind, green-blind, blue-blind.
    const BLIND: [[[f64; 3]; 3]; 3] = [
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ];

    /// CIELAB of a colour as somebody sees it.
    #[expect(clippy::many_single_char_names, reason = "as in the definition")]
    fn seen((r, g, b): Rgb, eye: &[[f64; 3]; 3]) -> [f64; 3] {
        let linear = |c: u8| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        let (r, g, b) = (linear(r), linear(g), linear(b));
        let [r, g, b] = eye.map(|row| (row[0] * r + row[1] * g + row[2] * b).clamp(0.0, 1.0));
        let f = |t: f64| if t > 0.008_856 { t.cbrt() } else { 7.787 * t + 16.0 / 116.0 };
        let x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
        let y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
        let z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }

    #[test]
    fn verdict_growth_and_shrinking_stay_apart_for_the_colour_blind() {
        let hues = Palette::ColourBlind.hues();
        for eye in &BLIND {
            let seen = [hues.verdict, hues.grew, hues.shrank].map(|colour| seen(colour, eye));
            for (a, b) in [(0, 1), (0, 2), (1, 2)] {
                let apart: f64 = (0..3).map(|n| (seen[a][n] - seen[b][n]).powi(2)).sum::<f64>().sqrt();
                // 2 can just be distinguished next to each other.
                assert!(apart >= 30.0, "{a} and {b}: {apart:.0}");
            }
        }
    }

    #[test]
    fn no_colour_means_no_colour() {
        for palette in Palette::ALL {
            let theme = Theme::new(ColourMode::None, palette);
            for style in [
                theme.grew(),
                theme.warning(),
                theme.accent(),
                theme.new_row(),
                theme.gone(),
                theme.leaking(),
                theme.change(true, Magnitude::Large),
                theme.change(false, Magnitude::Some),
                theme.meter(0, 10),
                theme.meter(9, 10),
            ] {
                assert_eq!((style.fg, style.bg), (None, None));
            }
            assert!(theme.change(true, Magnitude::Large).add_modifier.contains(Modifier::BOLD));
        }
    }

    #[test]
    fn no_style_sets_the_background() {
        for mode in [ColourMode::None, ColourMode::Sixteen, ColourMode::True] {
            let theme = Theme::new(mode, Palette::Dark);
            for style in [theme.grew(), theme.warning(), theme.selected(), theme.titles(), theme.dim()] {
                assert_eq!(style.bg, None);
            }
        }
    }

    #[test]
    fn themes_are_named_in_either_spelling() {
        for palette in Palette::ALL {
            assert_eq!(palette.name().parse(), Ok(palette));
        }
        assert_eq!("color-blind".parse(), Ok(Palette::ColourBlind));
        assert!("solarized".parse::<Palette>().unwrap_err().contains("colour-blind"));
        assert_eq!(Palette::ColourBlind.next(), Palette::Auto);
    }
}
