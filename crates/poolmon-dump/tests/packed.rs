//! Packed dumps are unpacked into a temporary file, with progress, and removed again.

mod common;

use std::io::Write as _;
use std::path::Path;

use common::same;
use poolmon_dump::{Dump, Unpack};
use poolmon_synth::dump::{Arch, Built, Form, Spec, build};

fn built() -> Built {
    build(&Spec::new(Arch::Amd64, 19_045))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// A zip with one member, stored or deflated; the central directory is not read and not written.
fn zip(bytes: &[u8], deflated: bool) -> Vec<u8> {
    let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    let data = if deflated { packer.finish().unwrap() } else { bytes.to_vec() };
    let mut zip = b"PK\x03\x04\x14\0\0\0".to_vec();
    zip.extend([if deflated { 8 } else { 0 }, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    zip.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
    zip.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    zip.extend(10_u16.to_le_bytes());
    zip.extend(0_u16.to_le_bytes());
    zip.extend(b"MEMORY.DMP");
    zip.extend(data);
    zip.extend(b"PK\x01\x02 a central directory would follow");
    zip
}

/// A zip with several members and their directory.
fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = Vec::new();
    let mut directory = Vec::new();
    for (name, bytes) in members {
        let mut packer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        let data = packer.finish().unwrap();
        let mut fields = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        fields.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        fields.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
        fields.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        fields.extend([0, 0]);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend(u32::try_from(zip.len()).unwrap().to_le_bytes());
        directory.extend(name.as_bytes());
        zip.extend(b"PK\x03\x04");
        zip.extend(fields);
        zip.extend(name.as_bytes());
        zip.extend(data);
    }
    let (start, size) = (u32::try_from(zip.len()).unwrap(), u32::try_from(directory.len()).unwrap());
    zip.extend(directory);
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend([u16::try_from(members.len()).unwrap(); 2].map(u16::to_le_bytes).concat());
    zip.extend(size.to_le_bytes());
    zip.extend(start.to_le_bytes());
    zip.extend([4, 0]);
    zip.extend(b"note");
    zip
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut packer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).unwrap();
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

#[test]
fn of_a_zip_with_several_files_the_dump_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let built = built();
    let plain = built.bytes(Form::BitmapKernel);
    let open = |name: &str, members: &[(&str, &[u8])]| {
        let path = folder.path().join(name);
        std::fs::write(&path, archive(members)).unwrap();
        Dump::open(&path)
    };
    let text: &[u8] = b"how it happened";
    let dump = open("one.zip", &[("readme.txt", text), ("case/", b""), ("case/MEMORY.DMP", &plain)]).unwrap();
    same(&dump.pool_used().unwrap(), &built, "one.zip");
    // The content decides before the name.
    let dump = open("odd.zip", &[("a.log", text), ("kernel", &plain)]).unwrap();
    same(&dump.pool_used().unwrap(), &built, "odd.zip");
    let error = open("two.zip", &[("a.dmp", &plain), ("\u{1b}[2Jb.dmp", &plain)]).unwrap_err();
    let said = poolmon_model::problem::Remedy::in_full(&error);
    assert!(said.contains("2 dumps: a.dmp, \u{fffd}[2Jb.dmp") && said.contains("unzip"), "{said}");
    let error = open("none.zip", &[("a.txt", text), ("b.log", text)]).unwrap_err().to_string();
    assert!(error.contains("none of its 2 files is a dump: a.txt, b.log"), "{error}");
    // A directory that lies ends in an error.
    let mut lies = archive(&[("readme.txt", text), ("MEMORY.DMP", &plain)]);
    let at = lies.len() - 4 - 22 + 16;
    for value in [0_u32, 1, 0xffff_fffe, u32::MAX] {
        lies[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let path = folder.path().join("lies.zip");
        std::fs::write(&path, &lies).unwrap();
        assert!(Dump::open(&path).is_err(), "{value:#x}");
    }
}

/// A zstd frame of raw and run-length blocks, written by hand.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x58];
    let chunks: Vec<&[u8]> = bytes.chunks(1 << 17).collect();
    for (at, chunk) in chunks.iter().enumerate() {
        let last = u32::from(at + 1 == chunks.len());
        let run = chunk.iter().all(|byte| *byte == chunk[0]);
        let size = u32::try_from(chunk.len()).unwrap();
        frame.extend(&(last | u32::from(run) << 1 | size << 3).to_le_bytes()[..3]);
        frame.extend(if run { &chunk[..1] } else { chunk });
    }
    frame
}

fn open(
    path: &Path,
    folder: &Path,
    limit: u64,
    reported: &mut Vec<(u64, u64, u64)>,
) -> poolmon_dump::Result<Dump> {
    let mut progress = |written, read, size| {
        reported.push((written, read, size));
        true
    };
    Dump::open_with(path, Unpack { folder: Some(folder), limit, progress: &mut progress })
}

#[test]
fn packed_dumps_give_the_same_table() {
    let folder = tempfile::tempdir().unwrap();
    let unpacked = tempfile::tempdir().unwrap();
    let built = built();
    let plain = built.bytes(Form::Full);
    let cases = [
        ("a.gz", gzip(&plain)),
        ("b.zip", zip(&plain, true)),
        ("c.zip", zip(&plain, false)),
        ("d.zst", zstd(&plain)),
        ("g.xz", xz(&plain)),
        // Two frames, as parallel packers write them, with a skippable one between.
        ("e.zst", {
            let (first, second) = plain.split_at(5_000_000);
            [zstd(first), vec![0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3], zstd(second)].concat()
        }),
        ("f.gz", {
            let (first, second) = plain.split_at(5_000_000);
            [gzip(first), gzip(second)].concat()
        }),
    ];
    for (name, packed) in cases {
        let path = folder.path().join(name);
        std::fs::write(&path, &packed).unwrap();
        let mut reported = Vec::new();
        let dump = open(&path, unpacked.path(), u64::MAX, &mut reported)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        same(&dump.pool_used().unwrap(), &built, name);
        let last = reported.last().unwrap();
        assert_eq!((last.0, last.2), (plain.len() as u64, packed.len() as u64), "{name}");
        // Without a name already: nothing is left behind even where the process is killed.
        #[cfg(unix)]
        assert_eq!(std::fs::read_dir(unpacked.path()).unwrap().count(), 0, "{name}");
        drop(dump);
        assert_eq!(std::fs::read_dir(unpacked.path()).unwrap().count(), 0, "{name} leaves nothing behind");
    }
}

#[test]
fn what_cannot_be_unpacked_is_said_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let unpacked = tempfile::tempdir().unwrap();
    let plain = built().bytes(Form::BitmapKernel);
    let mut encrypted = zip(&plain, true);
    encrypted[6] = 1;
    let mut strange = zip(&plain, true);
    strange[8] = 14;
    let cases = [
        ("cut.gz", gzip(&plain)[..5000].to_vec(), u64::MAX, "unpack"),
        ("cut.zst", zstd(&plain)[..200_000].to_vec(), u64::MAX, "unpack"),
        ("bomb.gz", gzip(&plain), 1 << 20, "more than 1048576 bytes"),
        ("locked.zip", encrypted, u64::MAX, "encrypted"),
        ("strange.zip", strange, u64::MAX, "method 14"),
        ("cut.xz", xz(&plain)[..5000].to_vec(), u64::MAX, "unpack"),
        ("large.zip", archive(&[("MEMORY.DMP", &plain)]), 1 << 20, "more than 1048576 bytes"),
        (
            "none.zip",
            b"PK\x05\x06".iter().copied().chain([0; 18]).collect(),
            u64::MAX,
            "a zip archive without files",
        ),
        (
            "text.zip",
            archive(&[("notes.txt", b"no dump at all")]),
            u64::MAX,
            "the file in it is no dump: notes.txt",
        ),
        ("inner.gz", gzip(b"not a dump"), u64::MAX, "a compressed file, not a dump"),
    ];
    for (name, packed, limit, expected) in cases {
        let path = folder.path().join(name);
        std::fs::write(&path, packed).unwrap();
        let error = open(&path, unpacked.path(), limit, &mut Vec::new()).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(name), "{name}: {error}");
        assert_eq!(std::fs::read_dir(unpacked.path()).unwrap().count(), 0, "{name}");
    }
    let path = folder.path().join("stop.gz");
    std::fs::write(&path, gzip(&plain)).unwrap();
    let how = Unpack { folder: None, limit: u64::MAX, progress: &mut |_, _, _| false };
    assert!(Dump::open_with(&path, how).unwrap_err().to_string().contains("stopped"));
}
