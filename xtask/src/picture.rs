//! `cargo xtask picture`: runs `poolmon demo` inside tmux and draws its screen as `docs/screen.svg`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

const COLUMNS: usize = 132;
const LINES: usize = 34;
/// Size of one character cell in the picture, in SVG units.
const CELL: (f64, f64) = (8.4, 18.0);

/// Draws the picture of a running demo.
pub fn draw(root: &Path) -> Result<(), String> {
    let program = root.join("target/release/poolmon");
    if !program.exists() {
        return Err(format!("{} is missing: cargo build --release", program.display()));
    }
    let tmux = |args: &[&str]| {
        let output = Command::new("tmux")
            .args(["-L", "poolmon-picture", "-f", "/dev/null"])
            .args(args)
            .env("COLORTERM", "truecolor")
            .output()
            .map_err(|error| format!("tmux: {error}"))?;
        Ok::<_, String>(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let command = format!("{} demo --interval 500ms --sort bytes --by-change", program.display());
    let (columns, lines) = (COLUMNS.to_string(), LINES.to_string());
    tmux(&["new-session", "-d", "-s", "t", "-x", &columns, "-y", &lines, &command])?;
    thread::sleep(Duration::from_secs(12));
    let frame = tmux(&["capture-pane", "-p", "-e", "-t", "t"])?;
    tmux(&["kill-server"])?;
    if !frame.contains("Nonp") {
        return Err(format!("the demo shows no table:\n{frame}"));
    }
    let folder = root.join("docs");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let path = folder.join("screen.svg");
    fs::write(&path, svg(&frame)).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{}", path.display());
    Ok(())
}

/// How a run of characters looks.
#[derive(Clone, Debug, Default, PartialEq)]
struct Style {
    colour: Option<String>,
    bold: bool,
    dim: bool,
    reverse: bool,
}

impl Style {
    /// Takes one SGR sequence's numbers (`1;38;2;255;0;0`).
    fn apply(&mut self, codes: &str) {
        let codes: Vec<u32> = codes.split(';').map(|code| code.parse().unwrap_or(0)).collect();
        let mut rest = codes.as_slice();
        while let Some((&code, after)) = rest.split_first() {
            rest = after;
            match code {
                0 => *self = Self::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                7 => self.reverse = true,
                22 => (self.bold, self.dim) = (false, false),
                27 => self.reverse = false,
                30..=37 => self.colour = Some(named(code - 30)),
                90..=97 => self.colour = Some(named(code - 90 + 8)),
                39 => self.colour = None,
                38 | 48 => {
                    let colour = match after {
                        [2, r, g, b, ..] => Some((4, format!("#{r:02x}{g:02x}{b:02x}"))),
                        [5, n, ..] => Some((2, indexed(*n))),
                        _ => None,
                    };
                    if let Some((used, colour)) = colour {
                        rest = after.get(used..).unwrap_or_default();
                        if code == 38 {
                            self.colour = Some(colour);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

fn named(n: u32) -> String {
    const COLOURS: [&str; 16] = [
        "#3b4252", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d8dee9", "#6b7489",
        "#ff8089", "#b5e08f", "#ffd98a", "#84c5ff", "#dd9bf0", "#7fd8e4", "#ffffff",
    ];
    COLOURS.get(n as usize).unwrap_or(&"#d8dee9").to_string()
}

fn indexed(n: u32) -> String {
    match n {
        0..=15 => named(n),
        16..=231 => {
            let level = |v: u32| if v == 0 { 0 } else { 55 + v * 40 };
            let n = n - 16;
            format!("#{:02x}{:02x}{:02x}", level(n / 36), level(n / 6 % 6), level(n % 6))
        }
        _ => {
            let grey = 8 + (n.min(255) - 232) * 10;
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    }
}

/// The captured frame as an SVG picture.
fn svg(frame: &str) -> String {
    let (width, height) = (COLUMNS as f64 * CELL.0 + 24.0, LINES as f64 * CELL.1 + 24.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
         role=\"img\" aria-label=\"The live screen of poolmon over a simulated kernel\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1e222a\"/>\n\
         <g font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"14\" \
         fill=\"#d8dee9\">\n"
    );
    let mut style = Style::default();
    for (row, line) in frame.lines().take(LINES).enumerate() {
        let mut column = 0;
        let mut run = String::new();
        let mut run_at = 0;
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            if let Some(sequence) = rest.strip_prefix("\x1b[")
                && let Some(end) = sequence.find(|c: char| c.is_ascii_alphabetic())
            {
                put(&mut out, &run, run_at, row, &style);
                run.clear();
                run_at = column;
                if sequence[end..].starts_with('m') {
                    style.apply(&sequence[..end]);
                }
                rest = &sequence[end + 1..];
                continue;
            }
            run.push(c);
            column += 1;
            rest = &rest[c.len_utf8()..];
        }
        put(&mut out, &run, run_at, row, &style);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn put(out: &mut String, run: &str, column: usize, row: usize, style: &Style) {
    if run.is_empty() || (run.trim().is_empty() && !style.reverse) {
        return;
    }
    let (x, y) = (12.0 + column as f64 * CELL.0, 12.0 + row as f64 * CELL.1);
    let count = run.chars().count();
    let colour = style.colour.as_deref().unwrap_or("#d8dee9");
    let mut fill = colour;
    if style.reverse {
        let width = count as f64 * CELL.0;
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.0}\" fill=\"{colour}\"/>",
            CELL.1
        );
        fill = "#1e222a";
    }
    let text = run.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let weight = if style.bold { " font-weight=\"bold\"" } else { "" };
    let opacity = if style.dim { " opacity=\"0.65\"" } else { "" };
    let _ = writeln!(
        out,
        "<text xml:space=\"preserve\" x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{fill}\"{weight}{opacity}>{text}</text>",
        y + 13.5,
        count as f64 * CELL.0
    );
}
