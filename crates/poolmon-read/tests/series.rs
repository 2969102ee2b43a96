//! Several files as one series, and which format a file has.
#![allow(missing_docs, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use poolmon_model::Sample;
use poolmon_read::{FORMATS, Holds, Input, ReadOptions, RemarkKind, SampleSeries, identify};

const SNAP: &str = " Tag  Type     Allocs     Frees      Diff   Bytes  Per Alloc\n\n\
     Leak Nonp      31642      1204    30438 31168512   1024\n";

fn open(paths: &[PathBuf]) -> SampleSeries {
    SampleSeries::open(paths, ReadOptions::default()).unwrap()
}

fn read(series: &mut SampleSeries) -> Vec<(Option<String>, usize)> {
    let mut sample = Sample::empty();
    let mut all = Vec::new();
    while series.next_into(&mut sample).unwrap() {
        all.push((sample.time.map(|time| time.to_string()), sample.rows.len()));
    }
    all
}

#[test]
fn content_decides_on_the_format() {
    let folder = tempfile::tempdir().unwrap();
    let format = |name: &str, start: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, start).unwrap();
        identify(&Input::open(&path).unwrap()).unwrap().id
    };
    assert_eq!(format("a.bin", b"\x89PLOG\r\n\x1a..."), "recording");
    assert_eq!(format("a.plog", b"damaged"), "recording");
    assert_eq!(format("a.txt", b"PAGEDU64"), "dump");
    assert_eq!(format("memory.DMP", b"junk"), "dump");
    assert_eq!(format("a.log", b" Memory: 1K"), "poolmon-log");
    assert_eq!(format("b.log", b"Dear colleague,\n\n Irp  Nonp  10  4  6  600  100\n"), "poolmon-log");
    assert_eq!(format("a.csv", b"tag,pool,allocs,frees,bytes\n"), "table");
    assert_eq!(format("b.csv", b"\xef\xbb\xbftime,t_s,\"tag\",pool,bytes\r\n"), "table");
    assert_eq!(format("c.csv", b"\"(PDH-CSV 4.0) (UTC)(0)\",\"x\"\n"), "perfmon");
    assert_eq!(format("d.csv", b"\xff\xfe\"\0(\0P\0D\0H\0-\0C\0S\0V\0 \0"), "perfmon");
    assert_eq!(format("a.blg", b"\x00\x01"), "perfmon-binary");
    assert_eq!(format("w.txt", b"0: kd> !poolused\n"), "poolused");
    assert_eq!(format("prose.txt", b"Dear colleague,\nthe server is slow.\n"), "text");
    let binary = folder.path().join("binary");
    fs::write(&binary, [0; 100]).unwrap();
    assert!(identify(&Input::open(&binary).unwrap()).is_err());
}

/// A folder that was copied: all files have the date of the copy, which says nothing of when the logs were taken.
#[test]
fn dates_of_a_copy_are_no_times() {
    let folder = tempfile::tempdir().unwrap();
    let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_790_000_000);
    let logs = |seconds: u64| -> Vec<PathBuf> {
        let file = |number: u64| {
            let path = folder.path().join(format!("snap{number}.log"));
            fs::write(&path, SNAP.replace("31168512", &format!("{number}000000"))).unwrap();
            let file = fs::File::options().append(true).open(&path).unwrap();
            file.set_modified(at + std::time::Duration::from_secs(seconds * (20 - number))).unwrap();
            path
        };
        [10, 9, 2].map(file).to_vec()
    };
    let bytes = |series: &mut SampleSeries| {
        let mut sample = Sample::empty();
        let mut all = Vec::new();
        while series.next_into(&mut sample).unwrap() {
            all.push((sample.time.is_some(), sample.rows[0].counters.bytes.unwrap() / 1_000_000));
        }
        all
    };
    let mut copied = open(&logs(0));
    let remarks = copied.take_remarks();
    assert!(remarks.iter().any(|remark| remark.text.contains("those of a copy")), "{remarks:?}");
    assert_eq!(bytes(&mut copied), [(false, 2), (false, 9), (false, 10)]);
    // An hour apart they are believed, whatever the names say.
    let mut dated = open(&logs(3600));
    assert!(!dated.take_remarks().iter().any(|remark| remark.text.contains("copy")));
    assert_eq!(bytes(&mut dated), [(true, 10), (true, 9), (true, 2)]);
}

#[test]
fn every_format_is_named_once() {
    for (n, format) in FORMATS.iter().enumerate() {
        assert!(!FORMATS[..n].iter().any(|other| other.id == format.id), "{}", format.id);
        assert!(format.title.starts_with("a ") || format.title.starts_with("the "), "{}", format.title);
        assert!(!format.about.contains('\n') && !format.about.ends_with('.'), "{}", format.about);
    }
}

#[test]
fn folders() {
    let folder = tempfile::tempdir().unwrap();
    let error = |path: &Path| Input::open(path).err().unwrap().to_string();
    assert!(error(folder.path()).contains("empty"));
    assert!(error(&folder.path().join("none")).contains("none"));
    fs::write(folder.path().join("000001.plog"), "x").unwrap();
    assert_eq!(identify(&Input::open(folder.path()).unwrap()).unwrap().id, "recording");
}

#[test]
fn a_folder_of_logs_in_the_order_of_their_names_times() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b 2026-11-22 10-00-00.log", "a 2026-11-22 11-00-00.log", "notes.bin"] {
        let text = if name.ends_with("bin") { "\0\x01\x02" } else { SNAP };
        fs::write(folder.path().join(name), text).unwrap();
    }
    let mut series = open(&[folder.path().into()]);
    assert_eq!(series.parts()[0].format.id, "poolmon-log");
    let remarks = series.take_remarks();
    assert!(
        remarks[0].text.contains("notes.bin") && remarks[1].text.contains("the file's name"),
        "{remarks:?}"
    );
    let zone = TimeZone::system();
    let at = |hour| {
        let time = jiff::civil::date(2026, 11, 22).at(hour, 0, 0, 0);
        Some(zone.to_timestamp(time).unwrap().to_string())
    };
    assert_eq!(read(&mut series), [(at(10), 1), (at(11), 1)]);
    series.rewind();
    assert_eq!(read(&mut series).len(), 2);
    assert!(series.is_complete() && series.marks().unwrap().is_empty());
}

#[test]
fn lines_that_are_not_understood_are_counted_with_number_and_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.csv");
    fs::write(&path, "tag,pool,bytes\nLeak,nonpaged,5\nsomething odd\nIrp ,purple,7\n").unwrap();
    let mut series = open(&[path]);
    assert_eq!(read(&mut open(&[folder.path().join("a.csv")])).len(), 1);
    assert!(series.next_into(&mut Sample::empty()).unwrap());
    let [remark] = series.remarks() else { panic!("{:?}", series.remarks()) };
    assert_eq!((remark.kind, remark.count), (RemarkKind::NotUnderstood, 2));
    let lines: Vec<_> = remark.lines.iter().map(|line| (line.number, line.text.as_str())).collect();
    assert_eq!(lines, [(3, "something odd"), (4, "Irp ,purple,7")]);
}

#[test]
fn several_snapshots_without_times_have_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("20261122.log");
    fs::write(&path, SNAP.repeat(3)).unwrap();
    assert_eq!(read(&mut open(&[path])), vec![(None, 1); 3]);
}

#[test]
fn machine_wide_figures_are_read_apart_from_rows() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let log = file("20261122.log", SNAP);
    let perfmon = file(
        "perfmon.csv",
        "\"(PDH-CSV 4.0) (UTC)(0)\",\"\\\\S\\Memory\\Pool Paged Bytes\"\n\"11/22/2026 10:00:00.000\",\"5\"\n",
    );
    let mut rows = open(&[perfmon.clone(), log]);
    let totals = rows.split_totals().unwrap();
    assert!(rows.name().ends_with("20261122.log") && totals.name().ends_with("perfmon.csv"));
    assert!(totals.parts().iter().all(|part| part.format.holds == Holds::Totals));
    let mut alone = open(&[perfmon]);
    assert!(alone.split_totals().is_none() && alone.holds_only_totals());
}

#[test]
fn perfmons_binary_log_names_the_tool_that_turns_it_into_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.blg");
    fs::write(&path, b"\x01\x00").unwrap();
    let error = SampleSeries::open(&[path], ReadOptions::default()).err().unwrap();
    let error = poolmon_model::problem::Remedy::in_full(&error);
    assert!(error.contains("-f csv -o out.csv"), "{error}");
    assert!(SampleSeries::open(&[], ReadOptions::default()).is_err());
}

#[test]
fn dumps_are_one_sample_each_and_say_whether_all_was_told() {
    use poolmon_synth::dump::{Arch, Form, Spec, build};
    let folder = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for hidden in [false, true] {
        let mut spec = Spec::new(Arch::Amd64, 19_045).tiny();
        spec.hide_array = hidden;
        let path = folder.path().join(format!("{hidden}.dmp"));
        build(&spec).write(Form::BitmapKernel, &path).unwrap();
        paths.push(path);
    }
    for _ in 0..2 {
        let mut series = open(&paths);
        assert_eq!(series.parts()[0].format.id, "dump");
        let mut sample = Sample::empty();
        assert!(series.next_into(&mut sample).unwrap() && series.is_complete());
        assert!(sample.remarks.is_empty() && sample.rows.len() > 90);
        assert!(series.next_into(&mut sample).unwrap() && !series.is_complete());
        assert!(sample.remarks[0].starts_with("THESE FIGURES ARE WRONG"));
        assert!(!series.next_into(&mut sample).unwrap());
    }
}

/// A log that was packed is read as if it were not, from a file, from memory and from a pipe.
#[test]
fn packed_logs() {
    use std::io::Write as _;

    let log =
        "2026-03-01 10:00:00\n Tag  Type     Allocs            Frees            Diff   Bytes  Per Alloc\n\n \
               Tst1 Nonp       1000               0            1000 1024000       1024\n"
            .repeat(3000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(log.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::default()).unwrap();
    xz.write_all(log.as_bytes()).unwrap();
    let xz = xz.finish().unwrap();
    let zstd = ruzstd::encoding::compress_to_vec(log.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest);
    let folder = tempfile::tempdir().unwrap();
    for (name, packed) in [("a.log.gz", &gzip), ("a.log.xz", &xz), ("a.txt.zst", &zstd), ("renamed", &gzip)] {
        let path = folder.path().join(name);
        std::fs::write(&path, packed).unwrap();
        let input = Input::open(&path).unwrap();
        assert_eq!(input.has_ending(&["log"]), name.contains(".log."), "{name}");
        assert_eq!(identify(&input).unwrap().id, "poolmon-log", "{name}");
        let mut reader = (identify(&input).unwrap().open)(&input, &ReadOptions::default()).unwrap();
        let (mut sample, mut samples) = (Sample::empty(), 0);
        while reader.next_into(&mut sample).unwrap() {
            assert_eq!(sample.rows[0].counters.bytes, Some(1_024_000));
            samples += 1;
        }
        assert_eq!(samples, 1, "{name}: the same moment, 3000 times");
        let input = Input::from_bytes(name, packed.clone());
        assert_eq!(identify(&input).unwrap().id, "poolmon-log", "{name} in memory");
    }
    // A cut one names what is there and how to get at it.
    let path = folder.path().join("cut.log.gz");
    std::fs::write(&path, &gzip[..gzip.len() - 9]).unwrap();
    let input = Input::open(&path).unwrap();
    let mut reader = (identify(&input).unwrap().open)(&input, &ReadOptions::default());
    let mut sample = Sample::empty();
    let error = loop {
        match reader.as_mut().map(|reader| reader.next_into(&mut sample)) {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => panic!("a cut file is no whole one"),
            Ok(Err(error)) => break error.to_string(),
            Err(error) => break error.to_string(),
        }
    };
    assert!(
        error.contains("bytes of text") && error.contains("gzip -dc ") && error.contains("cut.log.gz"),
        "{error}"
    );
    // What is no text stays what it is.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(b"PAGEDU64\0\0\0\0\x01\x02\x03").unwrap();
    assert_eq!(identify(&Input::from_bytes("a.gz", gzip.finish().unwrap())).unwrap().id, "dump");
}
