//! An RPM package (format 3, as rpm 4 reads and writes it): a lead, a header of sums, a header, and a cpio file in gzip.
//!
//! Written from rpm's own description of the format (docs/manual/format_*.md).

use sha2::{Digest as _, Sha256};

use super::content::Package;
use super::{Packed, VERSION, deb, hex, tar};

const AFTER_INSTALL: &str = "[ -d /run/systemd/system ] && systemctl daemon-reload || :";
const BEFORE_REMOVE: &str =
    "[ \"$1\" = 0 ] && [ -d /run/systemd/system ] && systemctl disable --now poolmon.service || :";
/// `$1` is 1 in an upgrade.
const AFTER_REMOVE: &str = "if [ -d /run/systemd/system ]; then systemctl daemon-reload; \
                            [ \"$1\" = 0 ] || systemctl try-restart poolmon.service; fi || :";

/// A value of a header.
enum Value {
    Short(Vec<u16>),
    Int(Vec<u32>),
    Text(String),
    Bytes(Vec<u8>),
    Texts(Vec<String>),
    /// A text that could be translated.
    Local(String),
}

impl Value {
    fn kind(&self) -> u32 {
        match self {
            Self::Short(_) => 3,
            Self::Int(_) => 4,
            Self::Text(_) => 6,
            Self::Bytes(_) => 7,
            Self::Texts(_) => 8,
            Self::Local(_) => 9,
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Short(values) => values.len(),
            Self::Int(values) => values.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Texts(texts) => texts.len(),
            Self::Text(_) | Self::Local(_) => 1,
        }
    }

    /// Big endian, texts ended by a zero, integers at multiples of their size.
    fn append(&self, store: &mut Vec<u8>) -> usize {
        let align = match self {
            Self::Short(_) => 2,
            Self::Int(_) => 4,
            _ => 1,
        };
        store.resize(store.len().next_multiple_of(align), 0);
        let at = store.len();
        match self {
            Self::Short(values) => store.extend(values.iter().flat_map(|value| value.to_be_bytes())),
            Self::Int(values) => store.extend(values.iter().flat_map(|value| value.to_be_bytes())),
            Self::Bytes(bytes) => store.extend(bytes),
            Self::Text(text) | Self::Local(text) => store.extend(text.bytes().chain([0])),
            Self::Texts(texts) => store.extend(texts.iter().flat_map(|text| text.bytes().chain([0]))),
        }
        at
    }
}

/// A header: tags in order, in one region whose trailer comes last in the store.
fn header(region: u32, mut tags: Vec<(u32, Value)>) -> Vec<u8> {
    tags.sort_by_key(|(tag, _)| *tag);
    let word = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    let (mut store, mut index) = (Vec::new(), Vec::new());
    for (tag, value) in &tags {
        let at = value.append(&mut store);
        index.extend([tag.to_be_bytes(), value.kind().to_be_bytes(), word(at), word(value.count())].concat());
    }
    let entries = tags.len() + 1;
    let trailer = store.len();
    let back = -i32::try_from(entries * 16).unwrap_or_default();
    store.extend([region.to_be_bytes(), 7_u32.to_be_bytes(), back.to_be_bytes(), word(16)].concat());
    let mut out = b"\x8e\xad\xe8\x01\0\0\0\0".to_vec();
    out.extend([word(entries), word(store.len())].concat());
    out.extend([region.to_be_bytes(), 7_u32.to_be_bytes(), word(trailer), word(16)].concat());
    out.extend(index);
    out.extend(store);
    out
}

/// A cpio file ("newc") with the paths as rpm wants them.
fn cpio(files: &[Packed], made: u32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut add = |path: &str, inode: usize, mode: u32, links: u32, bytes: &[u8]| {
        out.extend(b"070701");
        let name = path.len() + 1;
        let fields =
            [inode, mode as usize, 0, 0, links as usize, made as usize, bytes.len(), 0, 0, 0, 0, name, 0];
        out.extend(fields.iter().flat_map(|field| format!("{field:08x}").into_bytes()));
        out.extend(path.bytes().chain([0]));
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend(bytes);
        out.resize(out.len().next_multiple_of(4), 0);
    };
    for (n, file) in files.iter().enumerate() {
        add(&format!("./{}", file.path.trim_end_matches('/')), n + 1, mode(file), 1, &file.bytes);
    }
    add("TRAILER!!!", 0, 0, 1, &[]);
    out
}

/// Permissions with the kind of file.
fn mode(file: &Packed) -> u32 {
    file.mode | if file.is_folder() { 0o040_000 } else { 0o100_000 }
}

/// The package.
pub fn rpm(package: &Package, release: &str, made: u64) -> Result<Vec<u8>, String> {
    let made = u32::try_from(made).map_err(|error| format!("SOURCE_DATE_EPOCH: {error}"))?;
    // What rpm owns: the files, and the folder of recordings.
    let mut files = package.files.clone();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let archive = cpio(&files, made);
    let payload = tar::gzipped(&archive)?;
    let header = header(63, tags(package, &files, release, &payload, made));
    let sum = Sha256::new().chain_update(&header).finalize();
    let both = [header.as_slice(), &payload].concat();
    let size = |bytes: &[u8]| Value::Int(vec![u32::try_from(bytes.len()).unwrap_or(u32::MAX)]);
    let md5 = deb::md5(&both);
    let md5 = (0..16).filter_map(|n| u8::from_str_radix(md5.get(2 * n..2 * n + 2)?, 16).ok()).collect();
    let mut signature = self::header(
        62,
        vec![
            (273, Value::Text(hex(&sum))),
            (1000, size(&both)),
            (1004, Value::Bytes(md5)),
            // Only here: rpm refuses a package that has it in both.
            (1007, size(&archive)),
        ],
    );
    signature.resize(signature.len().next_multiple_of(8), 0);
    let mut lead = [0; 96];
    lead[..10].copy_from_slice(b"\xed\xab\xee\xdb\x03\0\0\0\0\x01");
    let name = format!("poolmon-{VERSION}-{release}");
    lead[10..10 + name.len()].copy_from_slice(name.as_bytes());
    // Linux; sums in a header of their own.
    lead[76..80].copy_from_slice(&[0, 1, 0, 5]);
    Ok([lead.as_slice(), &signature, &both].concat())
}

fn tags(package: &Package, files: &[Packed], release: &str, payload: &[u8], made: u32) -> Vec<(u32, Value)> {
    use Value::{Int, Local, Short, Text, Texts};
    let text = |text: &str| Text(text.to_owned());
    let texts = |texts: &[&str]| Texts(texts.iter().map(|&text| text.to_owned()).collect());
    let each = |of: &dyn Fn(&Packed) -> String| Texts(files.iter().map(of).collect());
    let number = |of: &dyn Fn(&Packed) -> usize| {
        Int(files.iter().map(|file| u32::try_from(of(file)).unwrap_or(u32::MAX)).collect())
    };
    let split = |file: &Packed| {
        let path = format!("/{}", file.path.trim_end_matches('/'));
        let at = path.rfind('/').unwrap_or(0) + 1;
        (path[..at].to_owned(), path[at..].to_owned())
    };
    let mut folders: Vec<_> = files.iter().map(|file| split(file).0).collect();
    folders.dedup();
    let position = |file: &Packed| folders.iter().position(|folder| *folder == split(file).0).unwrap_or(0);
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    let version = format!("{VERSION}-{release}");
    // Less or equal, of rpm itself; a shell for the scripts.
    let (library, script) = (0x0100_000a, 0x0000_0700);
    let mut tags = vec![
        (100, texts(&["C"])),
        (1000, text("poolmon")),
        (1001, text(VERSION)),
        (1002, text(release)),
        (1004, Local(package.summary.clone())),
        (1005, Local(package.description.clone())),
        (1006, Int(vec![made])),
        (1007, text("localhost")),
        (1009, Int(vec![u32::try_from(bytes).unwrap_or(u32::MAX)])),
        (1014, text("MIT OR Apache-2.0")),
        (1016, Local("Applications/System".into())),
        (1020, text(&package.homepage)),
        (1021, text("linux")),
        (1022, text("x86_64")),
        (1024, text(AFTER_INSTALL)),
        (1025, text(BEFORE_REMOVE)),
        (1026, text(AFTER_REMOVE)),
        (1028, number(&|file| file.bytes.len())),
        (1030, Short(files.iter().map(|file| u16::try_from(mode(file)).unwrap_or(0)).collect())),
        (1033, Short(vec![0; files.len()])),
        (1034, Int(vec![made; files.len()])),
        (
            1035,
            each(&|file| if file.is_folder() { String::new() } else { hex(&Sha256::digest(&file.bytes)) }),
        ),
        (1036, each(&|_| String::new())),
        (
            1037,
            Int(files.iter().map(|file| u32::from(file.path.starts_with("usr/share/doc/")) << 1).collect()),
        ),
        (1039, each(&|_| "root".into())),
        (1040, each(&|_| "root".into())),
        (1044, text(&format!("poolmon-{version}.src.rpm"))),
        (1045, Int(vec![u32::MAX; files.len()])),
        (1047, texts(&["poolmon"])),
        (1048, Int(vec![script, library, library, library])),
        (
            1049,
            texts(&[
                "/bin/sh",
                "rpmlib(CompressedFileNames)",
                "rpmlib(FileDigests)",
                "rpmlib(PayloadFilesHavePrefix)",
            ]),
        ),
        (1050, texts(&["", "3.0.4-1", "4.6.0-1", "4.0-1"])),
        (1064, text("4.18.0")),
        (1086, text("/bin/sh")),
        (1087, text("/bin/sh")),
        (1088, text("/bin/sh")),
        (1095, Int(vec![1; files.len()])),
        (1096, Int((1..=u32::try_from(files.len()).unwrap_or(0)).collect())),
        (1097, each(&|_| String::new())),
        (1112, Int(vec![8])),
        (1113, Texts(vec![version])),
        (1116, number(&|file| position(file))),
        (1117, each(&|file| split(file).1)),
        (1124, text("cpio")),
        (1125, text("gzip")),
        (1126, text("9")),
        (5011, Int(vec![8])),
        (5062, text("utf-8")),
        (5092, Texts(vec![hex(&Sha256::digest(payload))])),
        (5093, Int(vec![8])),
    ];
    tags.push((1118, Texts(folders)));
    tags
}
