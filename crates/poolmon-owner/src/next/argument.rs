//! A tag as an argument of our own program, in the shells of both systems.

use poolmon_model::Tag;

/// A tag as `poolmon who` takes it, quoted if a shell would read it as something else.
///
/// Tags of Windows are between double quotes, which `cmd.exe`, PowerShell and the shells of Linux share; what these read inside
/// them is `\xNN`.
pub fn argument(tag: &Tag) -> String {
    match tag {
        Tag::Pool(tag) => pool(tag.unprotected().0),
        Tag::Name(name) => cache(name),
    }
}

fn pool(bytes: [u8; 4]) -> String {
    let length = bytes.iter().rposition(|&byte| byte != b' ').map_or(0, |last| last + 1);
    let trimmed = bytes.get(..length).unwrap_or(&bytes);
    if !trimmed.is_empty() && trimmed.iter().all(u8::is_ascii_alphanumeric) {
        return trimmed.iter().copied().map(char::from).collect();
    }
    let shown = |(at, &byte): (usize, &u8)| match byte {
        b'\\' | b'\'' | b'"' | b'`' | b'$' | b'%' | b'!' => format!("\\x{byte:02x}"),
        // Else it would be an option.
        b'-' if at == 0 => "\\x2d".to_owned(),
        0x20..0x7f => char::from(byte).to_string(),
        _ => format!("\\x{byte:02x}"),
    };
    let text: String = bytes.iter().enumerate().map(shown).collect();
    format!("\"{text}\"")
}

fn cache(name: &str) -> String {
    let plain = !name.is_empty()
        && !name.starts_with('-')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:/".contains(c));
    if plain {
        return name.to_owned();
    }
    let end_of_options = if name.starts_with('-') { "-- " } else { "" };
    format!("{end_of_options}{}", quoted(name))
}

/// A text between the single quotes of a shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_read_back_from_what_a_shell_hands_on() {
        for bytes in
            [*b"Leak", *b"Ab  ", *b"    ", *b"T 2 ", *b"-abc", *b"\\x41", *b"$a`b", *b"%!'\"", *b"a\x00\xff;"]
        {
            let text = argument(&Tag::pool(bytes));
            let inside = text.trim_matches('"');
            assert!(!inside.contains(['"', '$', '`', '%', '!', '\'']), "{text}");
            assert!(!inside.starts_with('-'), "{text}");
            let read: poolmon_model::PoolTag = inside.parse().unwrap();
            assert_eq!(Tag::Pool(read), Tag::Pool(poolmon_model::PoolTag(bytes).unprotected()), "{text}");
        }
        assert_eq!(argument(&Tag::pool(*b"Ab  ")), "Ab");
        assert_eq!(argument(&Tag::pool(*b"T 2 ")), "\"T 2 \"");
    }

    #[test]
    fn names_of_caches() {
        for (name, wanted) in [
            ("kmalloc-rcl-96", "kmalloc-rcl-96"),
            ("kernel/fork.c:311", "kernel/fork.c:311"),
            ("page->ptl", "'page->ptl'"),
            ("a'; rm -rf /; '", r"'a'\''; rm -rf /; '\'''"),
            ("-x", "-- '-x'"),
        ] {
            assert_eq!(argument(&Tag::name(name)), wanted);
        }
    }
}
