//! How many true tags each tool shows, and how many that are none: our reader of code beside `grep -a`, `rg -a` and
//! `strings`, which are really run.
//!
//! `cargo run --release -p pool-owner --example recall -- FOLDER [POOLTAG]`. FOLDER holds `systeminformer-amd64.sys` with
//! its list of constants `systeminformer-tags.txt`, `WinDivert-2.2-x64.sys` and `winpmem_x64.sys`. The tools are asked for
//! the true tags of a driver and for all tags of POOLTAG besides, as a person who hunts a leak would: each answer for a tag
//! that the driver does not use counts as wrong. Precision = right ÷ answers, recall = right ÷ true tags.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pool_model::PoolTag;
use pool_owner::PooltagFile;
use pool_owner::scan::{Image, Kind};

fn tag(text: &str) -> PoolTag {
    PoolTag::padded(text.as_bytes()).unwrap()
}

/// Constants of C: their characters are reversed.
fn constants(file: &Path) -> BTreeSet<PoolTag> {
    let text = std::fs::read_to_string(file).unwrap();
    let reversed = text.lines().filter_map(|line| line.split('\'').nth(1));
    reversed.map(|text| tag(&text.chars().rev().collect::<String>())).collect()
}

fn asks(program: &str, args: &[&str], file: &Path) -> bool {
    let status = Command::new(program).args(args).arg(file).stdout(Stdio::null()).status().unwrap();
    status.code() == Some(0)
}

/// What `strings` prints, four characters at least, as somebody would grep it.
fn strings(file: &Path) -> String {
    let output = Command::new("strings").args(["-a", "-n", "4"]).arg(file).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn main() {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let Some(folder) = args.next() else {
        eprintln!("usage: recall FOLDER [POOLTAG]");
        std::process::exit(2);
    };
    let listed: BTreeSet<PoolTag> = args.next().map_or_else(BTreeSet::new, |path| {
        let file = PooltagFile::open(path).unwrap();
        file.entries().iter().filter_map(|entry| entry.tag.exact()).collect()
    });
    let library = ["PMEM", "PpRb", "PpUc", "SeAl", "SeSd", "SeTs"].into_iter().map(tag).collect();
    let drivers = [
        ("systeminformer-amd64.sys", constants(&folder.join("systeminformer-tags.txt"))),
        ("WinDivert-2.2-x64.sys", BTreeSet::from([tag("WDiv")])),
        ("winpmem_x64.sys", library),
    ];
    println!(
        "| driver | tool | right | wrong | of true tags | precision | recall |\n|---|---|---|---|---|---|---|"
    );
    for (name, wanted) in drivers {
        let path = folder.join(name);
        let bytes = std::fs::read(&path).unwrap();
        let image = Image::parse(name, &bytes).unwrap();
        let asked: Vec<PoolTag> = wanted.union(&listed).copied().filter(|tag| tag.is_printable()).collect();
        let code: BTreeSet<PoolTag> = image.evidence().iter().map(|row| row.tag).collect();
        // Whoever asks for one tag also sees bytes in code and data, without what stands inside texts.
        let bytes_too = |tag: &PoolTag| image.evidence_for(*tag).iter().any(|row| row.kind <= Kind::Data);
        let text = strings(&path);
        let print = |tool: &str, found: &dyn Fn(&PoolTag) -> bool, others: usize| {
            let answers: Vec<&PoolTag> = asked.iter().filter(|tag| found(tag)).collect();
            let right = answers.iter().filter(|tag| wanted.contains(tag)).count();
            let wrong = answers.len() - right + others;
            println!(
                "| {name} | {tool} | {right} | {wrong} | {} | {:.2} | {:.2} |",
                wanted.len(),
                right as f64 / (right + wrong).max(1) as f64,
                right as f64 / wanted.len() as f64
            );
        };
        // Ours also answers without being asked: any tag beyond the list counts as wrong.
        let others = code.iter().filter(|tag| !asked.contains(tag)).count();
        print("poolmon who, (a) to (c)", &|tag| code.contains(tag), others);
        print("poolmon who, (a) to (e)", &bytes_too, 0);
        print("grep -a", &|tag| asks("grep", &["-a", "-q", "-F", "--", &tag.to_string()], &path), 0);
        print("rg -a", &|tag| asks("rg", &["-a", "-q", "-F", "--", &tag.to_string()], &path), 0);
        print("strings", &|tag| text.contains(&tag.to_string()), 0);
    }
}
