//! Logs in a zip archive are read as the folder that was packed.
#![allow(missing_docs, reason = "a test")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::{Compression, Crc, write::DeflateEncoder};
use jiff::Timestamp;
use poolmon_model::Sample;
use poolmon_model::problem::Remedy as _;
use poolmon_read::{ReadOptions, SampleSeries};

/// A file to be packed: name, content, date and time as DOS packs them, seconds since 1970, flags.
#[derive(Clone)]
struct Packed<'a> {
    name: &'a str,
    content: Vec<u8>,
    stored: bool,
    by_clock: [u16; 2],
    second: Option<u32>,
    flags: u16,
}

fn packed(name: &str, content: impl Into<Vec<u8>>) -> Packed<'_> {
    // 2026-03-04 08:00:00.
    let by_clock = [(46 << 9) | (3 << 5) | 4, 8 << 11];
    Packed { name, content: content.into(), stored: false, by_clock, second: None, flags: 0 }
}

fn zip(files: &[Packed<'_>]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for file in files {
        let mut crc = Crc::new();
        crc.update(&file.content);
        let data = if file.stored {
            file.content.clone()
        } else {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(&file.content).unwrap();
            encoder.finish().unwrap()
        };
        let extra: Vec<u8> = file
            .second
            .map_or_else(Vec::new, |second| [&[0x55, 0x54, 5, 0, 1][..], &second.to_le_bytes()].concat());
        let mut about = Vec::new();
        for field in [20, file.flags, if file.stored { 0 } else { 8 }, file.by_clock[1], file.by_clock[0]] {
            about.extend_from_slice(&field.to_le_bytes());
        }
        for figure in
            [crc.sum(), u32::try_from(data.len()).unwrap(), u32::try_from(file.content.len()).unwrap()]
        {
            about.extend_from_slice(&figure.to_le_bytes());
        }
        for length in [file.name.len(), extra.len()] {
            about.extend_from_slice(&u16::try_from(length).unwrap().to_le_bytes());
        }
        let header = u32::try_from(archive.len()).unwrap();
        directory.extend_from_slice(b"PK\x01\x02\x14\0");
        directory.extend_from_slice(&about);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&header.to_le_bytes());
        directory.extend_from_slice(file.name.as_bytes());
        directory.extend_from_slice(&extra);
        archive.extend_from_slice(b"PK\x03\x04");
        archive.extend_from_slice(&about);
        archive.extend_from_slice(file.name.as_bytes());
        archive.extend_from_slice(&extra);
        archive.extend_from_slice(&data);
    }
    let at = u32::try_from(archive.len()).unwrap();
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    archive.extend_from_slice(&directory);
    archive.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    archive.extend_from_slice(&count);
    archive.extend_from_slice(&count);
    archive.extend_from_slice(&u32::try_from(directory.len()).unwrap().to_le_bytes());
    archive.extend_from_slice(&at.to_le_bytes());
    archive.extend_from_slice(&[0, 0]);
    archive
}

/// A snapshot, with its time if it is to say it.
fn list(time: Option<&str>, live: u64) -> String {
    let mut text = time.map_or_else(String::new, |time| format!("{time}\n\n"));
    text.push_str(" Tag  Type     Allocs         Frees    Diff   Bytes    Per Alloc\n\n");
    for tag in 0..4 {
        let (allocs, held) = (live + 1000 * tag, live + 10 * tag);
        let _ = writeln!(
            text,
            " Tst{tag} Nonp {allocs:>10} {:>10} {held:>9} {:>12} {:>10}",
            allocs - held,
            held * 64,
            64
        );
    }
    text
}

type Rows = Vec<(Option<Timestamp>, Vec<(String, Option<u64>)>)>;

/// Time and rows of each sample, read twice, and what was said of the files.
fn read(path: &Path) -> Result<(Rows, Vec<String>), String> {
    let failed = |error: poolmon_read::ReadError| error.in_full();
    let mut series = SampleSeries::open(&[path.into()], ReadOptions::default()).map_err(failed)?;
    let mut pass = || {
        let (mut sample, mut all) = (Sample::empty(), Vec::new());
        while series.next_into(&mut sample).map_err(failed)? {
            let rows = sample.rows.iter().map(|row| (row.tag.to_string(), row.counters.bytes));
            all.push((sample.time, rows.collect()));
        }
        series.rewind();
        Ok::<_, String>(all)
    };
    let first = pass()?;
    assert_eq!(first, pass()?);
    Ok((first, series.take_remarks().iter().map(|remark| remark.text.clone()).collect()))
}

fn logs() -> Vec<(String, String)> {
    let log = |n: u64| {
        let time = format!("2026-03-04 {:02}:00:00", 8 + n);
        (format!("pool-{}.log", n + 1), list(Some(&time), 100 + 7 * n))
    };
    (0..11).map(log).collect()
}

#[test]
fn an_archive_is_read_as_its_folder() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("logs");
    fs::create_dir(&folder).unwrap();
    let logs = logs();
    for (name, text) in &logs {
        fs::write(folder.join(name), text).unwrap();
    }
    let (expected, _) = read(&folder).unwrap();
    assert_eq!(expected.len(), 11);
    for stored in [false, true] {
        let names: Vec<String> = logs.iter().map(|(name, _)| format!("case 7/{name}")).collect();
        let mut files: Vec<_> =
            names.iter().zip(&logs).map(|(name, log)| packed(name, log.1.as_str())).collect();
        for file in &mut files {
            file.stored = stored;
        }
        files.push(packed("case 7/", ""));
        files.push(packed("__MACOSX/case 7/._pool-1.log", "\0\x05\x16\x07"));
        files.push(packed(".git/pool.log", "nothing"));
        let archive = place.path().join("logs.zip");
        fs::write(&archive, zip(&files)).unwrap();
        let (rows, said) = read(&archive).unwrap();
        assert_eq!(rows, expected);
        assert!(!said.iter().any(|text| text.contains("left out")), "{said:?}");
    }
}

#[test]
fn dates_of_files_are_those_in_the_archive() {
    let place = tempfile::tempdir().unwrap();
    let archive = place.path().join("logs.zip");
    let second = |n: u32| 1_772_611_200 + n * 3600;
    for has_seconds in [true, false] {
        let text = |n: u32| list(None, 100 + 7 * u64::from(n));
        let mut files = vec![packed("a.txt", text(0)), packed("b.txt", text(1)), packed("c.txt", text(2))];
        for (n, file) in (0..).zip(&mut files) {
            file.second = has_seconds.then_some(second(n));
            file.by_clock[1] = (8 + u16::try_from(n).unwrap()) << 11;
        }
        fs::write(&archive, zip(&files)).unwrap();
        let (rows, said) = read(&archive).unwrap();
        let zone = jiff::tz::TimeZone::system();
        for (n, (time, _)) in (0..).zip(&rows) {
            let by_clock = jiff::civil::date(2026, 3, 4).at(8 + i8::try_from(n).unwrap(), 0, 0, 0);
            let by_clock = by_clock.to_zoned(zone.clone()).unwrap().timestamp();
            let expected =
                if has_seconds { Timestamp::from_second(second(n).into()).unwrap() } else { by_clock };
            assert_eq!(*time, Some(expected));
        }
        assert_eq!(rows.len(), 3);
        assert!(said.iter().any(|text| text.contains("date of the file")), "{said:?}");
    }
}

#[test]
fn what_is_not_read_is_named() {
    let place = tempfile::tempdir().unwrap();
    let archive = place.path().join("case.zip");
    let mut secret = packed("secret.log", list(None, 5));
    secret.flags = 1;
    let log = packed("pool.log", list(Some("2026-03-04 08:00:00"), 100));
    let others =
        [packed("trace.etl", vec![0; 900]), packed("MEMORY.DMP", b"PAGEDU64\x0f\0\0\0\0".as_slice()), secret];
    fs::write(&archive, zip(&[&[log][..], &others].concat())).unwrap();
    let (rows, said) = read(&archive).unwrap();
    assert_eq!(rows.len(), 1);
    for (name, why) in [("trace.etl", ""), ("MEMORY.DMP", "only text is read"), ("secret.log", "a password")]
    {
        assert!(said.iter().any(|text| text.contains(name) && text.contains(why)), "{name}: {said:?}");
    }
    fs::write(&archive, zip(&others)).unwrap();
    let error = read(&archive).unwrap_err();
    assert!(error.contains("none of the files in it") && error.contains("unzip"), "{error}");
}

/// Other bytes anywhere, and a cut anywhere: an error, what is left out is named, or the same rows.
#[test]
fn damage_gives_no_other_rows() {
    let place = tempfile::tempdir().unwrap();
    let archive = place.path().join("a.zip");
    let texts = [("a.log", "2026-03-04 08:00:00", 100), ("b.log", "2026-03-04 09:00:00", 107)];
    let files = texts.map(|(name, time, live)| packed(name, list(Some(time), live)));
    let whole = zip(&files);
    fs::write(&archive, &whole).unwrap();
    let (sound, _) = read(&archive).unwrap();
    for at in 0..whole.len() {
        for bit in [0, 3, 7] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            fs::write(&archive, &bytes).unwrap();
            let Ok((rows, said)) = read(&archive) else { continue };
            let all_known = rows.iter().all(|row| sound.contains(row));
            assert!(all_known, "byte {at}, bit {bit}: other rows");
            let is_name = |name: &str| whole[..=at].windows(5).rev().take(5).any(|it| it == name.as_bytes());
            let is_hidden = whole[at] ^ (1 << bit) == b'.' || is_name("a.log") || is_name("b.log");
            assert!(rows == sound || !said.is_empty() || is_hidden, "byte {at}, bit {bit}: lost in silence");
        }
    }
    for length in (0..whole.len()).step_by(3) {
        fs::write(&archive, &whole[..length]).unwrap();
        if let Ok((rows, _)) = read(&archive) {
            assert!(rows.iter().all(|row| sound.contains(row)), "cut at {length}: other rows");
        }
    }
}
