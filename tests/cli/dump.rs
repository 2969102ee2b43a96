//! Memory dumps: every question, over invented machines in several containers, and over one real triage dump.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use poolmon_synth::dump::{Arch, Built, Form, Spec, build};
use serde_json::Value;
use tempfile::TempDir;

use crate::{json_of, poolmon, shared, stdout_of, text};

pub fn machine(arch: Arch, number: u32) -> Built {
    build(&Spec::new(arch, number).tiny())
}

/// A dump in a folder of its own.
pub fn written(built: &Built, form: Form) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("MEMORY.DMP");
    built.write(form, &path).unwrap();
    (folder, path)
}

pub fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Without the folder, which differs each time.
fn reported(bytes: &[u8], path: &Path) -> String {
    text(bytes).replace(name(path), "MEMORY.DMP")
}

/// What it printed: text, warnings, exit code.
fn all(path: &Path, question: &[&str]) -> String {
    let mut args = vec!["dump", name(path)];
    args.extend(question);
    let output = poolmon(&args);
    format!(
        "{}--- stderr, exit code {:?}\n{}",
        reported(&output.stdout, path),
        output.status.code().unwrap(),
        reported(&output.stderr, path)
    )
}

/// What the kernel would report: tag, pool, allocs, frees, bytes.
fn planted(built: &Built) -> Vec<(String, &'static str, u64, u64, u64)> {
    let cut = |count: u64| if matches!(built.spec.entry, 0x1c | 0x28) { count & 0xffff_ffff } else { count };
    let mut rows = Vec::new();
    for tag in &built.tags {
        for (pool, held) in [("nonpaged", tag.nonpaged), ("paged", tag.paged)] {
            if held.allocs > 0 {
                let tag = poolmon_model::PoolTag(tag.tag).to_string();
                rows.push((tag, pool, cut(held.allocs), cut(held.frees), held.bytes.cast_unsigned()));
            }
        }
    }
    rows.sort();
    rows
}

fn rows(document: &Value) -> Vec<(String, &str, u64, u64, u64)> {
    let number = |row: &Value, key: &str| row[key].as_u64().unwrap();
    let mut rows: Vec<_> = document["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let tag = row["tag"].as_str().unwrap().to_owned();
            (
                tag,
                row["pool"].as_str().unwrap(),
                number(row, "allocs"),
                number(row, "frees"),
                number(row, "bytes"),
            )
        })
        .collect();
    rows.sort();
    rows
}

#[test]
fn every_layout_gives_the_planted_table() {
    let machines = [
        (Arch::I386, 2600, Form::OldSummary),
        (Arch::I386Pae, 19_041, Form::Full),
        (Arch::Amd64, 7601, Form::BitmapKernel),
        (Arch::Amd64, 19_045, Form::RangesFull),
        (Arch::Amd64La57, 26_100, Form::BitmapFull),
        (Arch::Aarch64, 22_000, Form::BitmapKernel),
        (Arch::Amd64, 19_045, Form::Elf),
        (Arch::Amd64, 19_045, Form::Raw),
    ];
    for (arch, number, form) in machines {
        let built = machine(arch, number);
        let (_folder, path) = written(&built, form);
        // Raw memory has no magic: its name's ending says that it is a dump.
        let renamed = path.with_extension("raw");
        std::fs::rename(&path, &renamed).unwrap();
        let document = json_of(&["dump", name(&renamed), "poolused", "--format", "json"]);
        assert_eq!(rows(&document), planted(&built), "{arch:?} {number} {form:?}");
        let top = json_of(&["top", name(&renamed), "--format", "json"]);
        assert_eq!(top, document, "`top` shows the same");
        assert_eq!(document["source"], "dump");
    }
}

#[test]
fn what_it_is() {
    let built = machine(Arch::Amd64, 19_045);
    let (_folder, path) = written(&built, Form::BitmapKernel);
    insta::assert_snapshot!("dump_about", all(&path, &[]));
    insta::assert_snapshot!("dump_about_json", all(&path, &["--format", "json"]));
    let (_folder, path) = written(&machine(Arch::I386, 2600), Form::Full);
    insta::assert_snapshot!("dump_about_x86", all(&path, &[]));
    let (_folder, path) = written(&built, Form::HeaderOnly);
    insta::assert_snapshot!("dump_about_header", all(&path, &[]));
}

#[test]
fn poolused_in_every_format() {
    let (_folder, path) = written(&machine(Arch::Amd64, 19_045), Form::BitmapKernel);
    for format in ["table", "csv", "tsv", "json", "poolmon", "windbg"] {
        let snapshot = format!("dump_poolused_{format}");
        let args = ["poolused", "--include", "K*", "--totals", "--format", format];
        insta::assert_snapshot!(snapshot, all(&path, &args));
    }
    insta::assert_snapshot!(
        "dump_poolused_t5_2",
        all(&path, &["poolused", "/t5", "2", "--format", "windbg"])
    );
    insta::assert_snapshot!(
        "dump_poolused_t_5_5",
        all(&path, &["poolused", "/t", "3", "5", "--format", "windbg"])
    );
    insta::assert_snapshot!("dump_poolused_4_rows", all(&path, &["poolused", "/t", "3", "4"]));
    insta::assert_snapshot!("dump_poolused_flags_wrong", all(&path, &["poolused", "6"]));
    let by_pattern = stdout_of(&["dump", name(&path), "!poolused", "0", "K*", "--format", "windbg"]);
    let lines = by_pattern.lines().filter(|line| line.starts_with(" K")).count();
    assert_eq!(by_pattern.lines().count(), lines + 6, "{by_pattern}");
}

#[test]
fn windbgs_text_is_read_back_by_our_own_reader() {
    let built = machine(Arch::Amd64, 19_045);
    let (folder, path) = written(&built, Form::BitmapKernel);
    let log = folder.path().join("poolused.txt");
    std::fs::write(&log, stdout_of(&["dump", name(&path), "poolused", "3", "--format", "windbg"])).unwrap();
    let read = json_of(&["top", name(&log), "--format", "json"]);
    let reported: Vec<_> = rows(&read).into_iter().filter(|row| row.2 > 0).collect();
    let planted = planted(&built);
    let lost: Vec<_> = planted.iter().filter(|row| !reported.contains(row)).collect();
    assert!(lost.is_empty() && reported.len() == planted.len(), "{lost:?}");
}

#[test]
fn the_texts_of_pooltag_txt_stand_behind_windbgs_rows() {
    let built = machine(Arch::Amd64, 19_045);
    let (folder, path) = written(&built, Form::BitmapKernel);
    let tag = poolmon_model::PoolTag(built.tags[0].tag).to_string();
    let file = folder.path().join("pooltag.txt");
    std::fs::write(&file, format!("{tag} - leaky.sys - What it is for\n")).unwrap();
    let pooltag = format!("--pooltag={}", name(&file));
    let args = ["dump", name(&path), "poolused", "1", tag.as_str(), "--format", "windbg", pooltag.as_str()];
    let printed = stdout_of(&args);
    assert!(printed.contains("What it is for , Binary: leaky.sys"), "{printed}");
}

#[test]
fn modules_in_every_format() {
    let built = machine(Arch::Amd64, 19_045);
    let (_folder, path) = written(&built, Form::BitmapKernel);
    for format in ["table", "csv", "tsv", "json"] {
        let snapshot = format!("dump_modules_{format}");
        insta::assert_snapshot!(snapshot, all(&path, &["modules", "--format", format]));
    }
    let leaky = built.modules[1].base + 0x1234;
    let halves = format!("{:08x}`{:08x}", leaky >> 32, leaky & 0xffff_ffff);
    insta::assert_snapshot!("dump_modules_at", all(&path, &["lm", halves.as_str()]));
    let hex = format!("{leaky:#x}");
    assert_eq!(all(&path, &["modules", halves.as_str()]), all(&path, &["modules", hex.as_str()]));
    insta::assert_snapshot!("dump_modules_nowhere", all(&path, &["modules", "0x1000"]));
    assert_eq!(poolmon(&["dump", name(&path), "modules", "here"]).status.code(), Some(2));
    let output = poolmon(&["dump", name(&path), "--format", "json", "modules"]);
    assert_eq!(output.status.code(), Some(2), "a format that would mean nothing is not swallowed");
    // 32-bit addresses may come sign-extended, as debuggers print them.
    let built = machine(Arch::I386Pae, 6002);
    let (_folder, path) = written(&built, Form::Full);
    let hex = format!("{:#x}", built.modules[1].base | 0xffff_ffff_0000_0000);
    insta::assert_snapshot!("dump_modules_at_x86", all(&path, &["modules", hex.as_str()]));
}

#[test]
fn find_in_every_format() {
    let built = machine(Arch::Amd64, 19_045);
    let (_folder, path) = written(&built, Form::BitmapKernel);
    for format in ["table", "json", "windbg"] {
        let snapshot = format!("dump_find_{format}");
        insta::assert_snapshot!(snapshot, all(&path, &["find", "Zq7x", "--format", format]));
    }
    let printed = stdout_of(&["dump", name(&path), "find", "0x7837715a", "--format", "windbg"]);
    assert_eq!(printed.lines().count(), built.needles.len() - 1, "without the protected form");
    let cut = all(&path, &["find", "5a 71 37 78", "--limit", "1"]);
    assert!(
        cut.contains("3 more places (--limit)") && cut.lines().next().unwrap().contains("leaky+0x1012"),
        "{cut}"
    );
    assert_eq!(poolmon(&["dump", name(&path), "find", "nosuchtag"]).status.code(), Some(2));
    let none = all(&path, &["find", "zZzZ"]);
    assert!(none.starts_with("--- stderr, exit code 1\npoolmon: 0 places in"), "{none}");
}

#[test]
fn the_layout_is_windbgs_own() {
    let Some(sample) = shared("samples/windbg-for_each_module-s-a-tag.txt") else { return };
    let (_folder, path) = written(&machine(Arch::Amd64, 19_045), Form::BitmapKernel);
    // A line's shape: hex digits and what they stand for made the same, everything else as it is.
    let shape = |line: &str| -> String {
        let dump = line.char_indices().map(|(at, c)| match c {
            _ if at >= 68 => '.',
            '0'..='9' | 'a'..='f' => 'x',
            other => other,
        });
        dump.collect()
    };
    let sample = std::fs::read_to_string(sample).unwrap();
    let theirs = sample.lines().find(|line| line.contains("Leak;")).unwrap();
    let printed = stdout_of(&["dump", name(&path), "find", "Zq7x", "--format", "windbg"]);
    let ours: Vec<&str> = printed.lines().filter(|line| !line.contains("??")).collect();
    assert!(ours.len() > 3);
    for line in ours {
        assert_eq!(shape(line), shape(theirs));
    }
    let sample = std::fs::read_to_string(shared("samples/windbg-poolused.txt").unwrap()).unwrap();
    let printed = stdout_of(&["dump", name(&path), "poolused", "--format", "windbg"]);
    let theirs: Vec<&str> = sample.lines().skip(1).take(5).collect();
    assert_eq!(printed.lines().take(5).collect::<Vec<_>>(), theirs, "the heading");
    // The figures of a row end in the same columns.
    let ends = |line: &str| -> Vec<usize> {
        let bytes = line.as_bytes();
        let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        (5..42).filter(|&at| digit(at) && (at == 41 || !digit(at + 1))).collect()
    };
    let theirs = ends(sample.lines().find(|line| line.starts_with(" 8042")).unwrap());
    assert_eq!(theirs.len(), 4);
    for line in printed.lines().skip(5).filter(|line| line.contains("UNKNOWN pooltag")) {
        assert_eq!(ends(line), theirs, "{line}");
    }
    let sample = std::fs::read_to_string(shared("samples/windbg-lm-x64.txt").unwrap()).unwrap();
    let theirs = sample.lines().find(|line| line.contains("  nt  ")).unwrap();
    let printed = stdout_of(&["dump", name(&path), "modules"]);
    let ours = printed.lines().find(|line| line.contains("  nt  ")).unwrap();
    let shape_of = |c: char| if c == '`' { c } else { 'x' };
    let address =
        |line: &str, at: usize| -> String { line[at * 18..at * 18 + 17].chars().map(shape_of).collect() };
    assert_eq!(address(ours, 0), address(theirs, 0), "{ours}");
}

#[test]
fn large_allocations() {
    let (_folder, path) = written(&machine(Arch::Amd64, 19_045), Form::BitmapKernel);
    for format in ["table", "csv", "json"] {
        insta::assert_snapshot!(format!("dump_big_{format}"), all(&path, &["big", "--format", format]));
        let args = ["big", "CM31", "--limit", "3", "--format", format];
        insta::assert_snapshot!(format!("dump_big_tag_{format}"), all(&path, &args));
    }
}

#[test]
fn owners_from_the_code_in_the_dump() {
    let (_folder, path) = written(&machine(Arch::Amd64, 19_045), Form::BitmapKernel);
    insta::assert_snapshot!("dump_who", all(&path, &["who", "Zq7x"]));
    insta::assert_snapshot!("dump_who_json", all(&path, &["who", "Zq7x", "--format", "json"]));
    insta::assert_snapshot!("dump_who_nobody", all(&path, &["who", "zZzZ"]));
    // On the other processors, where no code is planted, the bytes alone are found.
    let (_folder, path) = written(&machine(Arch::Aarch64, 22_000), Form::BitmapKernel);
    let arm = all(&path, &["who", "Zq7x"]);
    assert!(arm.contains("leaky.sys") && arm.contains("exit code 0"), "{arm}");
}

#[test]
fn figures_of_the_first_processor_alone_are_said_loudly() {
    let mut spec = Spec::new(Arch::Amd64, 19_045).tiny();
    spec.hide_array = true;
    let (_folder, path) = written(&build(&spec), Form::BitmapKernel);
    insta::assert_snapshot!("dump_hidden", all(&path, &["poolused", "/t", "2", "2"]));
    let output = poolmon(&["top", name(&path), "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!document["rows"].as_array().unwrap().is_empty(), "the rows still come");
    assert!(document["remarks"][0].as_str().unwrap().starts_with("THESE FIGURES ARE WRONG"));
    assert!(text(&output.stderr).contains("THESE FIGURES ARE WRONG"));
}

#[test]
fn packed_dumps_are_unpacked_and_nothing_stays() {
    let built = machine(Arch::Amd64, 19_045);
    let (folder, path) = written(&built, Form::BitmapKernel);
    let temporary = tempfile::tempdir().unwrap();
    let mut gzip_writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip_writer.write_all(&std::fs::read(&path).unwrap()).unwrap();
    let packed = gzip_writer.finish().unwrap();
    let gzip = folder.path().join("MEMORY.DMP.gz");
    std::fs::write(&gzip, &packed).unwrap();
    let temp = ["--temp", name(temporary.path())];
    let document = json_of(&[&["dump", name(&gzip), "poolused", "--format", "json"][..], &temp].concat());
    assert_eq!(rows(&document), planted(&built));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
    let cut = folder.path().join("cut.gz");
    std::fs::write(&cut, &packed[..packed.len() / 2]).unwrap();
    let output = poolmon(&[&["dump", name(&cut)][..], &temp].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("cannot unpack") && text(&output.stderr).contains(name(&cut)));
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
    let nowhere = folder.path().join("nowhere");
    let output = poolmon(&["dump", name(&gzip), "--temp", name(&nowhere)]);
    assert!(text(&output.stderr).contains("--temp DIR"), "{}", text(&output.stderr));
}

#[test]
fn what_is_no_dump_is_said_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let built = machine(Arch::Amd64, 19_045);
    let whole = built.bytes(Form::Full);
    let cases = [
        (put("empty.dmp", b""), "empty"),
        (put("text.dmp", b"This is a letter, not a dump.\n"), "not a Windows kernel dump"),
        (put("head.dmp", &whole[..0x1000]), "header is truncated"),
        (folder.path().to_path_buf(), "it is a folder"),
        (folder.path().join("none.dmp"), "No such file"),
    ];
    for (path, expected) in cases {
        for question in [&[][..], &["poolused"], &["modules"], &["find", "Leak"], &["big"], &["who", "Leak"]]
        {
            let output = poolmon(&[&["dump", name(&path)], question].concat());
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{path:?} {question:?}: {said}");
            assert!(said.contains(name(&path)) && said.contains(expected), "{path:?} {question:?}: {said}");
            assert_eq!(said.matches(name(&path)).count(), 1, "the name is said once: {said}");
            assert!(output.stdout.is_empty());
        }
    }
    // Cut behind the header: it opens, and says what is missing.
    let cut = put("cut.dmp", &whole[..whole.len() / 2]);
    let about = all(&cut, &[]);
    assert!(about.contains("exit code 1") && about.contains("Warning"), "{about}");
    let used = all(&cut, &["poolused"]);
    assert!(used.contains("exit code 1"), "{used}");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let (_folder, path) = written(&machine(Arch::Amd64, 19_045), Form::BitmapKernel);
    for question in [&["poolused"][..], &["modules"], &["find", "Zq7x"], &["big"], &["who", "Zq7x"], &[]] {
        let mut program = std::process::Command::new(crate::POOLMON)
            .args(["dump", name(&path)])
            .args(question)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(program.stdout.take());
        let output = program.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{question:?}: {}", text(&output.stderr));
    }
}

#[test]
fn the_real_triage_dump() {
    let Some(path) = shared("inputs/dumps/rizin-triage_x64.dmp") else { return };
    let refused = all(&path, &["poolused"]);
    assert!(refused.contains("exit code 1"), "{refused}");
    assert!(refused.contains("pool tables are not in this file: it is a triage dump"), "{refused}");
    assert!(refused.contains("take a kernel or complete dump"), "{refused}");
    for question in [&["find", "Leak"][..], &["big"], &["who", "Leak"]] {
        assert!(all(&path, question).contains("triage dump"), "{question:?}");
    }
    let about = all(&path, &[]);
    for expected in [
        "Windows 10 2004 to 22H2 (kernel build 19041)",
        "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED",
        "STATUS_ACCESS_VIOLATION",
    ] {
        assert!(about.contains(expected), "{about}");
    }
    let expected = std::fs::read(path.with_extension("expected.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let document = json_of(&["dump", name(&path), "modules", "--format", "json"]);
    let mut drivers = expected["drivers"].as_array().unwrap().clone();
    drivers.sort_by_key(|driver| u64::from_str_radix(&driver["base"].as_str().unwrap()[2..], 16).unwrap());
    let modules = document["modules"].as_array().unwrap();
    assert_eq!(modules.len(), drivers.len());
    for (module, driver) in modules.iter().zip(&drivers) {
        assert_eq!(module["path"], driver["name"]);
        for field in ["base", "size", "checksum", "timestamp"] {
            assert_eq!(module[field], driver[field], "{}", driver["name"]);
        }
    }
    let kernel = modules.iter().find(|module| module["name"] == "nt").unwrap();
    assert_eq!(kernel["image_key"], "ntoskrnl.exe/0D8333E61046000");
}
