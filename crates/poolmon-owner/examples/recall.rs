//! How well each way reports which tags a driver uses: `grep -a`, `rg -a`, `strings`, and evidence from machine code.
//!
//! ```text
//! cargo run --release -p poolmon-owner --example recall -- DRIVER TRUE-TAGS CANDIDATES
//! ```
//!
//! TRUE-TAGS is a text with C constants (`'0ApK'`, bytes reversed) or one tag a line; CANDIDATES a pooltag.txt, whose
//! tags stand for all those that a person may ask about. Each tool is asked about each tag, as a person would.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use poolmon_owner::PooltagFile;
use poolmon_owner::scan::{DriverImage, EvidenceKind};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [driver, truth, candidates] = args.as_slice() else {
        eprintln!("recall: needs DRIVER TRUE-TAGS CANDIDATES");
        std::process::exit(2)
    };
    let text = std::fs::read_to_string(truth).expect("the true tags can be read");
    let truth: BTreeSet<String> = text.lines().filter_map(tag_of).collect();
    let pooltag = PooltagFile::open(Path::new(candidates)).expect("the candidates can be read");
    let listed = pooltag
        .entries()
        .iter()
        .filter_map(|entry| entry.tag.exact())
        .map(|tag| tag.to_string().trim_end().to_owned());
    // Patterns and tags with blanks are left out: no tool could be asked about them in the same way.
    let plain = |tag: &String| tag.len() == 4 && tag.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let asked: BTreeSet<String> = listed.filter(plain).chain(truth.iter().cloned()).collect();
    println!("{driver}: {} true tags, {} asked about\n", truth.len(), asked.len());
    println!("| way | named | right | precision | recall |\n|---|---|---|---|---|");
    for (name, program, options) in
        [("grep -a", "grep", &["-a", "-q", "-F", "-e"][..]), ("rg -a", "rg", &["-a", "-q", "-F", "-e"][..])]
    {
        let has = |tag: &&String| {
            let mut command = Command::new(program);
            command.args(options).arg(tag).arg(driver).stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        print(name, &asked.iter().filter(has).cloned().collect(), &truth);
    }
    let strings =
        Command::new("strings").args(["-a", "-n", "4", driver]).output().map(|output| output.stdout);
    let strings = String::from_utf8_lossy(&strings.unwrap_or_default()).into_owned();
    print(
        "strings, part of a line",
        &asked.iter().filter(|tag| strings.contains(tag.as_str())).cloned().collect(),
        &truth,
    );
    let lines: BTreeSet<&str> = strings.lines().collect();
    print(
        "strings, a whole line",
        &asked.iter().filter(|tag| lines.contains(tag.as_str())).cloned().collect(),
        &truth,
    );
    let bytes = std::fs::read(driver).expect("the driver can be read");
    let image = DriverImage::parse(driver, &bytes).expect("the driver is an image");
    let shown: BTreeSet<String> = image
        .evidence()
        .iter()
        .filter(|row| {
            matches!(row.kind, EvidenceKind::Call | EvidenceKind::Argument | EvidenceKind::Structure)
                && row.library.is_none()
        })
        .map(|row| row.tag.to_string().trim_end().to_owned())
        .collect();
    // Asked about a tag it answers by these; tags that no one asked about are reported too.
    print(
        "machine code, (a) to (c)",
        &asked.iter().filter(|tag| shown.contains(*tag)).cloned().collect(),
        &truth,
    );
    let others: Vec<_> = shown.difference(&truth).cloned().collect();
    println!("\nshown and not among the true tags: {others:?}");
}

/// `NAME '0ApK'` is the tag `KpA0`; a line of four characters is itself.
fn tag_of(line: &str) -> Option<String> {
    match line.split('\'').nth(1) {
        Some(reversed) => Some(reversed.chars().rev().collect()),
        None => Some(line.trim().to_owned()).filter(|tag| tag.len() == 4),
    }
}

fn print(name: &str, named: &BTreeSet<String>, truth: &BTreeSet<String>) {
    let right = named.intersection(truth).count();
    let part = |whole: usize| {
        if whole == 0 { "-".to_owned() } else { format!("{:.3}", right as f64 / whole as f64) }
    };
    println!("| {name} | {} | {right} | {} | {} |", named.len(), part(named.len()), part(truth.len()));
}
