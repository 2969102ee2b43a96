//! Names of folders in a data set of many hosts, as Hive wrote them and engines of tables read them: `host=NAME`, percent-encoded.

use std::fmt::Write as _;

const KEY: &str = "host=";

/// The folder of samples that do not name their host. Engines read it as NULL.
const UNKNOWN: &str = "__HIVE_DEFAULT_PARTITION__";

/// The folder of a host. Whatever it is called, this is one folder on every system, and [`host_of`] reads the same name.
pub fn host_folder(host: Option<&str>) -> String {
    let Some(host) = host.filter(|host| !host.is_empty()) else { return format!("{KEY}{UNKNOWN}") };
    let mut name = KEY.to_owned();
    for (at, byte) in host.bytes().enumerate() {
        // Windows drops a dot at the end.
        let is_last = at + 1 == host.len();
        let is_plain =
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') || (byte == b'.' && !is_last);
        if is_plain && !(at == 0 && host == UNKNOWN) {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}

/// The host of a folder; `None` if the folder is not named so. Samples that did not name theirs are of the host `(unknown)`.
pub fn host_of(folder: &str) -> Option<String> {
    let encoded = folder.strip_prefix(KEY)?;
    if encoded == UNKNOWN || encoded.is_empty() {
        return Some("(unknown)".to_owned());
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        let digit =
            |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let mut ahead = rest.clone();
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high << 4 | low);
                rest = ahead;
            }
            // Written by another program that does not encode.
            _ => bytes.push(byte),
        }
    }
    Some(String::from_utf8(bytes).unwrap_or_else(|_| encoded.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_folder_and_are_read_unharmed() {
        let folder = |host: &str| host_folder(Some(host));
        assert_eq!(folder("srv-01.example_a"), "host=srv-01.example_a");
        assert_eq!(folder("../a b"), "host=..%2Fa%20b");
        assert_eq!(folder("a."), "host=a%2E");
        assert_eq!(folder("100%"), "host=100%25");
        assert_eq!(folder("\u{fc}"), "host=%C3%BC");
        assert_eq!(host_folder(None), "host=__HIVE_DEFAULT_PARTITION__");
        assert_eq!(folder(""), host_folder(None));
        assert_ne!(folder(UNKNOWN), host_folder(None));
        for host in
            ["srv", "../../etc", "..", "a\\b", "a=b", "C:", "nul\0", "100%", "%41", "\u{1f600} x", UNKNOWN]
        {
            let name = folder(host);
            assert!(
                name.bytes().all(|byte| byte.is_ascii_graphic() && !b"/\\:*?\"<>|".contains(&byte)),
                "{name}"
            );
            assert_eq!(host_of(&name).as_deref(), Some(host), "{name}");
        }
        assert_eq!(host_of("host=a%zz%4").as_deref(), Some("a%zz%4"));
        assert_eq!(host_of("host=%FF").as_deref(), Some("%FF"), "no text: as it is written");
        assert_eq!((host_of("srv"), host_of("date=2026-11-30")), (None, None));
    }
}
