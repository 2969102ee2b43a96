//! Outstanding bytes by stack: as lines that flame graph tools read, and as a drawing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use poolmon_model::units::human_bytes;
use poolmon_trace::{Answer, Verdict};

/// Width of the drawing, height of a frame, and the narrowest frame that is drawn, in pixels.
const WIDTH: f64 = 1200.0;
const HEIGHT: f64 = 18.0;
const NARROWEST: f64 = 0.4;
/// Pixels of a letter.
const LETTER: f64 = 6.6;

/// A path of names from the outermost frame to the innermost, with the bytes that it keeps.
fn paths(answer: &Answer) -> Vec<(Vec<String>, u64, bool)> {
    let mut paths = Vec::new();
    for owner in &answer.owners {
        let accused = owner.figures.verdict == Verdict::KeepsGrowing;
        for stack in owner.stacks.iter().filter(|stack| stack.figures.bytes > 0) {
            let mut names: Vec<String> =
                stack.frames.iter().rev().map(|&frame| answer.symbols.name(frame)).collect();
            if names.is_empty() {
                names.push("unknown".into());
            }
            paths.push((names, stack.figures.bytes, accused));
        }
    }
    paths
}

/// Writes a line for each stack: frames from the outermost to the innermost with `;` between, and outstanding bytes.
///
/// # Errors
///
/// Those of `out`.
pub fn folded(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    for (names, bytes, _) in paths(answer) {
        let line: Vec<String> = names.iter().map(|name| name.replace([';', '\n'], "_")).collect();
        let sum = lines.entry(line.join(";")).or_default();
        *sum = sum.saturating_add(bytes);
    }
    lines.iter().try_for_each(|(line, bytes)| writeln!(out, "{line} {bytes}"))
}

#[derive(Default)]
struct Node {
    bytes: u64,
    accused: bool,
    inner: BTreeMap<String, Node>,
}

impl Node {
    fn add(&mut self, names: &[String], bytes: u64, accused: bool) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.accused |= accused;
        if let Some((first, rest)) = names.split_first() {
            self.inner.entry(first.clone()).or_default().add(rest, bytes, accused);
        }
    }

    fn depth(&self) -> usize {
        1 + self.inner.values().map(Self::depth).max().unwrap_or(0)
    }
}

/// Writes a flame graph of outstanding bytes: a drawing without script, the outermost frames at the bottom. Paths whose owner keeps
/// growing are red.
///
/// # Errors
///
/// Those of `out`.
pub fn svg(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    let mut root = Node::default();
    for (names, bytes, accused) in paths(answer) {
        root.add(&names, bytes, accused);
    }
    let height = (root.depth() + 2) as f64 * HEIGHT;
    let mut text = String::new();
    let title = format!("{}: outstanding bytes by stack, {:.0} s", answer.about.target, answer.seconds);
    let _ = writeln!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" \
         font-family=\"monospace\" font-size=\"11\"><title>{0}</title><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\
         <text x=\"4\" y=\"14\">{0}</text>",
        escaped(&title)
    );
    let name = format!("all of {}", answer.about.target);
    draw(&mut text, &name, &root, (0.0, WIDTH), height - HEIGHT, root.bytes);
    text += "</svg>\n";
    out.write_all(text.as_bytes())
}

fn draw(text: &mut String, name: &str, node: &Node, (left, width): (f64, f64), top: f64, all: u64) {
    if width < NARROWEST {
        return;
    }
    let share = node.bytes as f64 / all.max(1) as f64 * 100.0;
    let fill = if node.accused { "#f4978e" } else { "#d8dee9" };
    let _ = write!(
        text,
        "<g><title>{}: {} ({share:.1} %)</title><rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" \
         height=\"{HEIGHT}\" fill=\"{fill}\" stroke=\"#fff\"/>",
        escaped(name),
        human_bytes(node.bytes)
    );
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "letters of a drawing")]
    let room = ((width - 6.0) / LETTER).max(0.0) as usize;
    if room > 2 {
        let shown: String = name.chars().take(room).collect();
        let _ =
            write!(text, "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>", left + 3.0, top + 13.0, escaped(&shown));
    }
    text.push_str("</g>\n");
    let mut left = left;
    for (name, inner) in &node.inner {
        let part = width * inner.bytes as f64 / node.bytes.max(1) as f64;
        draw(text, name, inner, (left, part), top - HEIGHT, all);
        left += part;
    }
}

/// Names of functions and modules come from the traced machine: nothing of them is markup.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push('?'),
            c => out.push(c),
        }
    }
    out
}
