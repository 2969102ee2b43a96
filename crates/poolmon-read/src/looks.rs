//! What a file looks like that no format recognises: people keep these next to the files that poolmon reads.

use memchr::memmem;

/// A kind of file that is recognised, but holds no samples.
pub(crate) struct Lookalike {
    /// What it is, after "this is".
    pub(crate) what: &'static str,
    /// What a person can do with it; `{file}` is the path that was given.
    pub(crate) remedy: &'static str,
    recognise: fn(&[u8]) -> bool,
}

const LOOKALIKES: &[Lookalike] = &[
    Lookalike {
        what: "a Windows event trace (.etl), without samples",
        remedy: "for its tags, and the stacks that keep memory: poolmon trace {file}",
        recognise: poolmon_etl::is_etl,
    },
    Lookalike {
        what: "a saved trace of a cache, without samples",
        remedy: "for the stacks that keep memory: poolmon trace {file}",
        recognise: poolmon_trace::file::is_trace,
    },
    Lookalike {
        what: "a zip archive, which is read from a file alone: not from a pipe, not in another archive",
        remedy: "unpack it, and name what comes out: unzip {file}",
        recognise: |start| start.starts_with(b"PK\x03\x04"),
    },
    Lookalike {
        what: "a zip archive without files",
        remedy: "look for the file that was meant to be in it: unzip -l {file}",
        recognise: |start| start.starts_with(b"PK\x05\x06"),
    },
    Lookalike {
        what: "a list of a driver's own tag names, without figures",
        remedy: "use a driver's file to see its tags: poolmon who --all DRIVER.sys",
        recognise: |start| lines(start).take(8).filter(|line| is_tag_definition(line)).count() >= 3,
    },
    Lookalike {
        what: "a file of debug symbols (.pdb), without samples",
        remedy: "to list the tags of its driver: poolmon who --all DRIVER.sys",
        recognise: |start| start.starts_with(b"Microsoft C/C++ MSF"),
    },
    Lookalike {
        what: "a pooltag.txt: names of tags, without figures",
        remedy: "use it with a table: poolmon top TABLE --pooltag={file}",
        recognise: |start| lines(start).filter(|line| is_tag_name(line)).count() >= 3,
    },
    Lookalike {
        what: "WinDbg's list of modules (lm)",
        remedy: "to find the module of a tag, read the dump itself: poolmon dump FILE who TAG",
        recognise: |start| lines(start).any(|line| is_command(line, b"lm")),
    },
    Lookalike {
        what: "WinDbg's search for a tag in the drivers (s -a)",
        remedy: "to find the driver, read the dump itself: poolmon dump FILE who TAG; or its file: poolmon who TAG --drivers DIR",
        recognise: |start| {
            lines(start).any(|line| is_command(line, b"!for_each_module") || is_command(line, b"s -a"))
        },
    },
    Lookalike {
        what: "a document in rich text (RTF)",
        remedy: "save it as plain text, in the program that wrote it",
        recognise: |start| start.starts_with(b"{\\rtf"),
    },
    Lookalike {
        what: "a table of a web page (HTML <table>)",
        remedy: "open the page in a browser, copy the table into a spreadsheet, and save that as CSV",
        recognise: |start| {
            let start = start.to_ascii_lowercase();
            contains(&start, b"<table") || (contains(&start, b"<tr") && contains(&start, b"<td"))
        },
    },
    Lookalike {
        what: "a list of rows as JSON",
        remedy: "save them as CSV; in PowerShell: Get-Content {file} -Raw | ConvertFrom-Json | Export-Csv ROWS.csv",
        recognise: |start| {
            let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
            let names = |name: &[u8]| contains(&text.to_ascii_lowercase(), name);
            matches!(text.first(), Some(b'[' | b'{'))
                && names(b"\"tag\"") | names(b"\"pooltag\"") | names(b"\"tagname\"")
        },
    },
    Lookalike {
        what: "a list of PowerShell's (Format-List), a figure on each line",
        remedy: "save the rows as CSV: in the script, replace Format-List by Export-Csv ROWS.csv",
        recognise: |start| {
            let names = |line: &[u8]| {
                let at = memchr::memchr(b':', line)?;
                Some(line.get(..at)?.trim_ascii().to_ascii_lowercase())
            };
            let has = |wanted: &[&[u8]]| {
                lines(start).filter_map(names).any(|name| wanted.contains(&name.as_slice()))
            };
            has(&[b"tag", b"pooltag", b"tagname"])
                && has(&[b"bytes", b"usedbytes", b"pagedusedbytes", b"nonpagedusedbytes", b"diff"])
        },
    },
    Lookalike {
        what: "the notes, gaps and modules of a recording as CSV, without rows; they are not imported",
        remedy: "name the rows that were exported, or the recording itself, which has both",
        recognise: |start| starts_with_titles(start, &[b"time", b"kind", b"seconds", b"text"]),
    },
    Lookalike {
        what: "the holders of a recording as CSV, without rows; they are not imported",
        remedy: "name the rows that were exported, or the recording itself, which has both",
        recognise: |start| starts_with_titles(start, &[b"time", b"t_s", b"type", b"id", b"name", b"group"]),
    },
    Lookalike {
        what: "memsnap's list of processes, without pool tags",
        remedy: "save the tags next to it: memsnap -p FILE, or poolmon.exe -n FILE",
        recognise: |start| contains(start, b"!LogType=memsnap") || contains(start, b"Proc.Name"),
    },
];

/// The remedy that lists the known formats.
pub(crate) const KNOWN_FORMATS: &str = "";

/// Known beginnings of binary files: first bytes, what it is, and what helps.
pub(crate) const BINARIES: &[(&[u8], &str, &str)] = &[
    (b"PAGE", "this is a Windows crash dump, not a log", "read it as a dump"),
    (b"MDMP", "this is a process dump, not a log", "pool tags are in kernel dumps only"),
    (b"\x1f\x8b", "this is compressed (gzip)", "unpack it first: gzip -d"),
    (b"PK\x03\x04", "this is compressed (zip)", "unpack it first"),
    (b"\x28\xb5\x2f\xfd", "this is compressed (zstd)", "unpack it first: zstd -d"),
    (b"7z\xbc\xaf", "this is compressed (7z)", "unpack it first"),
    (
        b"PAR1",
        "this is a Parquet file without rows of tags that poolmon exported (one of holders has none), a damaged one, or one in a pipe",
        "name the file, or export the recording again: poolmon export RECORDING -o FILE.parquet",
    ),
    (b"MZ", "this is a program, not a log", "to list the tags of a driver: poolmon who --all FILE"),
    (b"\x7fELF", "this is a program, not a log", KNOWN_FORMATS),
    (b"\x89PNG", "this is a picture (PNG)", "save the table as text: poolmon.exe -n FILE"),
    (b"\xff\xd8\xff", "this is a picture (JPEG)", "save the table as text: poolmon.exe -n FILE"),
    (b"%PDF", "this is a PDF", "save the table as text, or copy it out of the PDF"),
    (b"\xd0\xcf\x11\xe0", "this is an old Office file or an installer", "save the table as CSV"),
    (b"MSCF", "this is a cabinet (.cab)", "unpack it first: expand FILE -F:* FOLDER"),
    (b"BZh", "this is compressed (bzip2)", "unpack it first: bzip2 -d"),
    (b"ElfFile\0", "this is a Windows event log (.evtx)", KNOWN_FORMATS),
    (b"regf", "this is a registry hive", KNOWN_FORMATS),
    (b"SQLite format 3\0", "this is an SQLite database", "export the table as CSV"),
    (b"\xd4\xc3\xb2\xa1", "this is a network capture", KNOWN_FORMATS),
    (b"\x0a\x0d\x0d\x0a", "this is a network capture", KNOWN_FORMATS),
];

/// What the first bytes of a file look like.
pub(crate) fn like(start: &[u8]) -> Option<&'static Lookalike> {
    LOOKALIKES.iter().find(|kind| (kind.recognise)(start))
}

fn lines(start: &[u8]) -> impl Iterator<Item = &[u8]> {
    start.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii)
}

/// Whether the first columns of a table have these names.
fn starts_with_titles(start: &[u8], titles: &[&[u8]]) -> bool {
    let first = lines(start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start)).next().unwrap_or_default();
    first.split(|byte| matches!(byte, b',' | b'\t' | b';')).take(titles.len()).eq(titles.iter().copied())
}

fn contains(start: &[u8], text: &[u8]) -> bool {
    memmem::find(start, text).is_some()
}

/// `Tag - driver.sys - description`, with blanks as pooltag.txt has them.
fn is_tag_name(line: &[u8]) -> bool {
    let mut fields = line.splitn(3, |&byte| byte == b'-').map(<[u8]>::trim_ascii);
    let (Some(tag), Some(driver), Some(_)) = (fields.next(), fields.next(), fields.next()) else {
        return false;
    };
    let is_name = driver.ends_with(b".sys") || driver.starts_with(b"nt!") || driver.ends_with(b".exe");
    (1..=4).contains(&tag.len()) && is_name && !driver.contains(&b' ')
}

/// `NAME_OF_TAG 'gaTx'`, as source code has it.
fn is_tag_definition(line: &[u8]) -> bool {
    let line = line.strip_prefix(b"#define").unwrap_or(line).trim_ascii();
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let is_name =
        |word: &[u8]| word.len() > 4 && word.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let is_tag = |word: &[u8]| matches!(word, [b'\'', .., b'\'']) && (3..=6).contains(&word.len());
    words.next().is_some_and(is_name) && words.next().is_some_and(is_tag) && words.next().is_none()
}

/// A command behind the prompt of a kernel debugger: `0: kd> lm`.
fn is_command(line: &[u8], command: &[u8]) -> bool {
    let Some(at) = memmem::find(line, b"kd> ") else { return false };
    let rest = line.get(at + 4..).unwrap_or_default().trim_ascii();
    rest.strip_prefix(command)
        .is_some_and(|rest| rest.first().is_none_or(|next| !next.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(text: &[u8]) -> Option<&'static str> {
        like(text).map(|kind| kind.what)
    }

    #[test]
    fn each_kind_is_recognised_by_its_text() {
        let names =
            b"rem names\nTst1 - a.sys     - First\r\nTst2 - nt!mm     - Second\nT 3  - b.sys - Third\n";
        for (text, expected) in [
            (&names[..], "a pooltag.txt"),
            (b"0: kd> lm\nstart end module name\n", "WinDbg's list of modules"),
            (b"1: kd> lm vm nt\n", "WinDbg's list of modules"),
            (b"0: kd> !for_each_module s -a @#Base @#End \"Tst1\"\n", "WinDbg's search"),
            (b"Process ID  Proc.Name Wrkng.Set\n", "memsnap's list of processes"),
            (
                b"TAG_FIRST '1gaT'\n#define TAG_SECOND '2gaT'\nTAG_THIRD '3gaT'\n",
                "a list of a driver's own tag names",
            ),
            (b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0", "a file of debug symbols"),
            (b"PK\x03\x04\x14\0\0\0", "a zip archive"),
            (b"{\\rtf1\\ansi Tag Type", "a document in rich text"),
            (b"<html><TABLE>\n<tr><th>Tag</th>\n", "a table of a web page"),
            (b"[\n  {\n    \"Tag\": \"Tst1\", \"Bytes\": 5 } ]", "a list of rows as JSON"),
            (b"time,kind,seconds,text\n", "the notes, gaps and modules"),
            (b"time\tt_s\ttype\tid\tname\tgroup\tprocesses\n", "the holders of a recording"),
            (b"\r\nTag   : Tst1\r\nType  : Nonp\r\nBytes : 5\r\n", "a list of PowerShell's"),
        ] {
            assert!(what(text).is_some_and(|what| what.starts_with(expected)), "{:?}", what(text));
        }
        for text in [&b"Dear all,\n"[..], b"0: kd> lmao\n", b"Tst1 - one name is none\n", b"", b"[snip]\n"] {
            assert_eq!(what(text), None);
        }
    }

    #[test]
    fn traces_are_recognised_by_their_first_bytes() {
        let (trace, _) =
            poolmon_synth::etl::build(&poolmon_synth::etl::Spec { rounds: 1, ..Default::default() });
        assert_eq!(what(&trace), Some("a Windows event trace (.etl), without samples"));
        assert_eq!(what(&trace[..60]), None, "cut before it says what it is");
        assert_eq!(what(b"PMTRACE\x01"), Some("a saved trace of a cache, without samples"));
    }
}
