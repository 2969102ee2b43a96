//! A Debian package: an `ar` file of a version, a tar file of what dpkg reads, and one of what it installs. See deb(5).

use std::fmt::Write as _;

use super::content::Package;
use super::{Packed, VERSION, tar};

/// systemd learns of the unit. The service is not started: it needs a person who wants a recording.
const AFTER_INSTALL: &str = "#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
    # An upgrade: the recorder goes on with the new program.
    systemctl try-restart poolmon.service || true
fi
";
const BEFORE_REMOVE: &str = "#!/bin/sh
set -e
if [ \"$1\" = remove ] && [ -d /run/systemd/system ]; then
    systemctl disable --now poolmon.service || true
fi
";
/// Recordings stay: they are the user's.
const AFTER_REMOVE: &str = "#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
fi
";

/// The package.
pub fn deb(package: &Package, release: &str, made: u64) -> Result<Vec<u8>, String> {
    let bytes: usize = package.files.iter().map(|file| file.bytes.len()).sum();
    let control = format!(
        "Package: poolmon\nVersion: {VERSION}-{release}\nArchitecture: amd64\nMaintainer: The poolmon authors <{0}>\n\
         Installed-Size: {1}\nSection: admin\nPriority: optional\nHomepage: {0}\nDescription: {2}\n{3}\n",
        package.homepage,
        bytes.div_ceil(1024),
        package.summary,
        package.description.lines().map(|line| format!(" {line}")).collect::<Vec<_>>().join("\n"),
    );
    let mut sums = String::new();
    for file in package.files.iter().filter(|file| !file.is_folder()) {
        let _ = writeln!(sums, "{}  {}", md5(&file.bytes), file.path);
    }
    let control = [
        Packed::new("./control", 0o644, control),
        Packed::new("./md5sums", 0o644, sums),
        Packed::new("./postinst", 0o755, AFTER_INSTALL),
        Packed::new("./prerm", 0o755, BEFORE_REMOVE),
        Packed::new("./postrm", 0o755, AFTER_REMOVE),
    ];
    let files: Vec<_> = package
        .with_folders()
        .into_iter()
        .map(|file| Packed { path: format!("./{}", file.path), ..file })
        .collect();
    let parts = [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", tar::gzipped(&tar::tar(&control, made)?)?),
        ("data.tar.gz", tar::gzipped(&tar::tar(&files, made)?)?),
    ];
    let mut out = b"!<arch>\n".to_vec();
    for (name, bytes) in parts {
        out.extend(
            format!("{name:<16}{made:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 100_644, bytes.len()).bytes(),
        );
        out.extend(&bytes);
        out.resize(out.len().next_multiple_of(2), b'\n');
    }
    Ok(out)
}

const TURNS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// RFC 1321. dpkg compares files with it; nothing relies on it for safety.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the standard's table is the whole part of sines"
)]
pub fn md5(bytes: &[u8]) -> String {
    let table: Vec<u32> = (1..=64).map(|n| (f64::from(n).sin().abs() * 4_294_967_296.0) as u32).collect();
    let mut padded = bytes.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend((bytes.len() as u64 * 8).to_le_bytes());
    let mut state = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for chunk in padded.as_chunks::<64>().0 {
        let words: Vec<u32> = chunk.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect();
        let [mut a, mut b, mut c, mut d] = state;
        for i in 0..64 {
            let (mix, word) = match i / 16 {
                0 => (b & c | !b & d, i),
                1 => (d & b | !d & c, (5 * i + 1) % 16),
                2 => (b ^ c ^ d, (3 * i + 5) % 16),
                _ => (c ^ (b | !d), 7 * i % 16),
            };
            let sum = a.wrapping_add(mix).wrapping_add(table[i]).wrapping_add(words[word]);
            (a, d, c, b) = (d, c, b, b.wrapping_add(sum.rotate_left(TURNS[i / 16][i % 4])));
        }
        for (part, new) in state.iter_mut().zip([a, b, c, d]) {
            *part = part.wrapping_add(new);
        }
    }
    super::hex(&state.map(u32::to_le_bytes).concat())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_sums_of_the_standard() {
        for (text, sum) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            (
                "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
                "57edf4a22be3c955ac49da2e2107b67a",
            ),
        ] {
            assert_eq!(super::md5(text.as_bytes()), sum);
        }
    }
}
