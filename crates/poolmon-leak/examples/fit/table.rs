//! Writes what was fitted: the trees for the program, and a table for people.

use std::fmt::Write as _;
use std::path::PathBuf;

use poolmon_leak::suspicion::{Forest, History, Measures, RULES};

use crate::boost::{Case, Fitted, R};

/// How many cases there were, and cases of each class of each rule.
pub struct About {
    rows: usize,
    leaks: usize,
    /// Up to [`SEEN`] of the cases, for means.
    seen: Vec<[f32; R]>,
}

/// Cases that means are taken from.
const SEEN: usize = 40_000;

impl About {
    /// Counts them.
    pub fn of(cases: &[Case]) -> Self {
        let each = cases.len().div_ceil(SEEN).max(1);
        Self {
            rows: cases.len(),
            leaks: cases.iter().filter(|case| case.leaks).count(),
            seen: cases.iter().step_by(each).map(|case| case.measures).collect(),
        }
    }
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn save(path: &PathBuf, text: &str) {
    if let Err(error) = std::fs::write(path, text) {
        eprintln!("{}: {error}", path.display());
        std::process::exit(1);
    }
    println!("wrote {}", path.display());
}

/// Writes the trees of one length.
pub fn write(history: History, fitted: &Fitted, about: &About, hosts: u64) {
    let name = format!("{history:?}").to_lowercase();
    let mut text = format!(
        "//! Written by `cargo xtask accuracy fit`; not by hand. Fitted on {hosts} tuning hosts of each generator: {} rows that grew, \
         {} of them leaking.\n\nuse super::{{Forest, s, t}};\n\n#[rustfmt::skip]\n#[allow(clippy::unreadable_literal, \
         clippy::approx_constant, clippy::excessive_precision, reason = \"fitted numbers\")]\npub const FOREST: Forest<'static> = \
         Forest {{\n    prior: {:.4},\n    trees: &[\n",
        about.rows, about.leaks, fitted.prior
    );
    for tree in &fitted.trees {
        let side = |at: usize| {
            let side = &tree.sides[at];
            let [low, high] = side.values;
            format!(
                "s({}, {:?}, {}, {:.4}, [{low:.4}, {high:.4}])",
                side.split.rule, side.split.at, side.split.unknown, side.mean
            )
        };
        let split = tree.split;
        let _ = writeln!(
            text,
            "        t({}, {:?}, {}, [{}, {}]),",
            split.rule,
            split.at,
            split.unknown,
            side(0),
            side(1)
        );
    }
    text.push_str("    ],\n};\n");
    save(&file(&format!("src/suspicion/trees/{name}.rs")), &text.replace("-0.0000", "0.0000"));
}

/// What each class of each rule adds on average, for people.
pub fn explain(fits: &[(Fitted, About)]) {
    let mut text = String::from(
        "# What each rule weighs\n\nWritten by `cargo xtask accuracy fit`. Each number is what a class of a rule adds on average to the \
         natural logarithm of the odds that a row leaks, over the rows that grew on tuning hosts; what it adds to a certain row \
         depends on one other rule, too (`poolmon leaks --explain TAG`). Lengths of recordings: fewer than 12 points, less than 2 \
         hours, less than 20 hours, more.\n",
    );
    for (at, rule) in RULES.iter().enumerate() {
        let _ = write!(
            text,
            "\n## {}\n\n| the row … | few points | < 2 h | < 20 h | longer |\n|---|---|---|---|---|\n",
            rule.name
        );
        let columns: Vec<Vec<Option<f64>>> =
            fits.iter().map(|(fitted, about)| means(fitted, about, at)).collect();
        for (class, words) in rule.classes.iter().enumerate() {
            let cell = |column: &Vec<Option<f64>>| {
                column[class].map_or("-".to_owned(), |mean| format!("{mean:+.2}"))
            };
            let cells: Vec<String> = columns.iter().map(cell).collect();
            let _ = writeln!(text, "| {words} | {} |", cells.join(" | "));
        }
    }
    save(&file("../../docs/weights.md"), &text.replace("-0.00", "0.00").replace("+0.00", "0.00"));
}

fn means(fitted: &Fitted, about: &About, rule: usize) -> Vec<Option<f64>> {
    let forest = Forest { prior: fitted.prior, trees: &fitted.trees };
    let classes = RULES[rule].classes.len();
    let mut sums = vec![(0.0, 0_u32); classes];
    for measures in &about.seen {
        let measures: Measures = measures.map(|measure| (!measure.is_nan()).then_some(f64::from(measure)));
        let Some(measure) = measures[rule] else { continue };
        let sum = &mut sums[RULES[rule].class(measure)];
        *sum = (sum.0 + forest.weigh(&measures)[rule], sum.1 + 1);
    }
    sums.into_iter().map(|(sum, count)| (count >= 20).then(|| sum / f64::from(count))).collect()
}
