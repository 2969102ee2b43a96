//! The lines around rows: column titles, poolmon's own comment, memsnap's `!` lines.

use std::time::Duration;

use poolmon_model::Sample;
use poolmon_model::header::FIGURES;

use super::delimited;

/// What a column line names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ColumnTitles {
    /// A Used column: poolmon's Linux layout.
    pub(super) used: bool,
    /// How many figures a row has.
    pub(super) figures: usize,
    /// It names bytes; else it was cut.
    pub(super) bytes: bool,
    /// Bytes are in units of two to this power.
    pub(super) unit: u32,
}

/// The column line of a PoolMon table.
pub(super) fn columns(line: &[u8]) -> Option<ColumnTitles> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    if line.len() > 1024
        || !words.next()?.eq_ignore_ascii_case(b"tag")
        || !words.next()?.eq_ignore_ascii_case(b"type")
        || !words.next()?.eq_ignore_ascii_case(b"allocs")
    {
        return None;
    }
    let mut titles = ColumnTitles { used: false, figures: 4, bytes: false, unit: 0 };
    for word in words {
        titles.figures += usize::from(word == b"Per" || word == b"Used");
        titles.used |= word == b"Used";
        titles.unit = delimited::unit(word).unwrap_or(titles.unit);
        titles.bytes |= titles.unit > 0 || word.eq_ignore_ascii_case(b"bytes");
    }
    Some(titles)
}

/// The rest of a column line that a console or mail program wrapped: how many figures it names.
pub(super) fn more_columns(line: &[u8]) -> Option<usize> {
    const WORDS: [&[u8]; 10] = [
        b"Allocs",
        b"Frees",
        b"Diff",
        b"Bytes",
        b"Per",
        b"Alloc",
        b"Used",
        b"Mapped_Driver",
        b"Pool",
        b"Type",
    ];
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).peekable();
    words.peek()?;
    let mut figures = 0;
    for word in words {
        if !WORDS.contains(&word) {
            return None;
        }
        figures += usize::from(matches!(word, b"Per" | b"Used"));
    }
    Some(figures)
}

/// A line that says nothing and surprises nobody: a rule, a fence of code, a title, a prompt.
pub(super) fn is_furniture(text: &[u8]) -> bool {
    const STARTS: [&[u8]; 14] = [
        b"```",
        b"~~~",
        b"<pre",
        b"</pre",
        b"<code",
        b"</code",
        b"TOTAL",
        b"System pool information",
        b"Sorting by",
        b"Process ID",
        b"Query pooltags",
        b"Page File",
        b"Using a machine size",
        b"Pool Used:",
    ];
    let rule = |b: &u8| b"-=_#*~+|.: ".contains(b) || !b.is_ascii();
    // WinDbg's `NonPaged   Paged` above the columns, and its prompt.
    let words = text.split(|&b| b == b' ' || b == b'\t').filter(|word| !word.is_empty());
    let pools =
        words.clone().all(|word| matches!(word, b"NonPaged" | b"Paged" | b"NonPagedPool" | b"PagedPool"));
    let prompt = text.strip_suffix(b"kd>").is_some_and(|before| before.len() < 8);
    let starts = |start: &[u8]| text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    // The command itself, after a prompt.
    let command = text.len() < 200 && is_command(text);
    // For spreadsheets: the separator.
    let separator = text.len() == 5 && starts(b"sep=");
    command
        || separator
        || text.iter().all(rule)
        || pools
        || prompt
        || STARTS.iter().any(|start| starts(start))
}

/// Whether a line is a command with poolmon in it, and not a message about one: `poolmon.exe is not recognized …`.
fn is_command(text: &[u8]) -> bool {
    let Some(at) = text.windows(7).position(|word| word.eq_ignore_ascii_case(b"poolmon")) else {
        return false;
    };
    let (before, rest) = text.split_at_checked(at).unwrap_or_default();
    let word = rest.iter().take_while(|b| !b.is_ascii_whitespace()).count();
    let after = rest.get(word..).unwrap_or_default().trim_ascii_start();
    let next = after.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let is_prompted = before.iter().any(|b| b"$#>%".contains(b));
    let says = rest.get(..word).is_some_and(|word| word.ends_with(b":") || word.ends_with(b"'"));
    // PoolMon's arguments begin with a dash or a slash.
    is_prompted || !(next > 0 || says)
}

/// Fields of `# poolmon 1 time=… host=… boot=… system="…"`.
pub(super) fn stamp(line: &[u8]) -> Option<Vec<(String, String)>> {
    let rest = line.trim_ascii().strip_prefix(b"#")?.trim_ascii_start().strip_prefix(b"poolmon ")?;
    let version = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (rest.len() <= 4096).then(|| fields(rest.get(version..).unwrap_or_default()))
}

/// `name=value` fields; values with blanks are in quotes.
pub(super) fn fields(text: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(text);
    let mut rest = text.trim_start();
    let mut fields = Vec::new();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => after.split_once(' ').unwrap_or((after, "")),
        };
        fields.push((name.trim().to_owned(), value.to_owned()));
        rest = after.trim_start();
    }
    fields
}

/// Takes the figures of the machine out of such fields.
pub(super) fn machine(fields: &[(String, String)], sample: &mut Sample, uptime: &mut Option<Duration>) {
    for (name, value) in fields {
        let Ok(value) = value.parse() else { continue };
        if name == "uptime_ms" {
            *uptime = Some(Duration::from_millis(value));
        } else if let Some(figure) = FIGURES.iter().find(|figure| figure.id == name) {
            (figure.set)(&mut sample.header, Some(value));
        }
    }
}

/// Whose rows come below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionHeading {
    /// Those of one session.
    One(u32),
    /// Those of all sessions together.
    All,
}

/// `Session 3 pool information`, `All sessions pool information`.
pub(super) fn session(line: &[u8]) -> Option<SessionHeading> {
    let text = line.trim_ascii();
    if text.eq_ignore_ascii_case(b"All sessions pool information") {
        return Some(SessionHeading::All);
    }
    let number = text.strip_prefix(b"Session ")?.strip_suffix(b" pool information")?;
    std::str::from_utf8(number).ok()?.trim().parse().ok().map(SessionHeading::One)
}

/// A `!Name=value` line of memsnap's.
pub(super) fn memsnap(line: &[u8]) -> Option<(String, String)> {
    let text = line.trim_ascii().strip_prefix(b"!").filter(|text| text.len() < 256)?;
    let at = memchr::memchr(b'=', text)?;
    let name = text.get(..at).filter(|name| name.iter().all(u8::is_ascii_alphanumeric))?;
    let part = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some((part(name), part(text.get(at + 1..)?)))
}

/// WinDbg's `System Uptime: 3 days 1:02:03.456`.
pub(super) fn uptime(text: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(text.strip_prefix(b"System Uptime: ")?).ok()?;
    let (days, clock) = text.split_once(" days ")?;
    let clock = clock.trim().split_once('.').map_or(clock.trim(), |(whole, _)| whole);
    let mut seconds: u64 = 0;
    for part in clock.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    let days: u64 = days.trim().parse().ok()?;
    Some(Duration::from_secs(days.checked_mul(86_400)?.checked_add(seconds)?))
}

/// A row of memsnap's process table: eight hexadecimal digits, a name, ten figures.
pub(super) fn is_process(line: &[u8]) -> bool {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let id = words.next().is_some_and(|id| id.len() == 8 && id.iter().all(u8::is_ascii_hexdigit));
    id && words.filter(|word| word.iter().all(u8::is_ascii_digit)).count() >= 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_lines() {
        assert_eq!(
            columns(b" Tag  Type     Allocs            Frees            Diff   Bytes       Per Alloc"),
            Some(ColumnTitles { used: false, figures: 5, bytes: true, unit: 0 })
        );
        assert_eq!(
            columns(b"Tag \tType \tAllocs \t\tFrees \t\tDiff \tBytes \t\t\tPer Alloc"),
            Some(ColumnTitles { used: false, figures: 5, bytes: true, unit: 0 })
        );
        assert_eq!(
            columns(b" Tag  Type  Allocs Frees Diff Bytes Per Alloc   Used"),
            Some(ColumnTitles { used: true, figures: 6, bytes: true, unit: 0 })
        );
        for (titles, unit) in [("KB", 10), ("Bytes (KB)", 10), ("Size MB", 20), ("KBytes", 10)] {
            let line = format!(" Tag  Type     Allocs   Frees   Diff   {titles}");
            assert_eq!(
                columns(line.as_bytes()),
                Some(ColumnTitles { used: false, figures: 4, bytes: true, unit })
            );
        }
        assert_eq!(columns(b" Tag    Allocs     Used    Allocs     Used"), None);
    }

    #[test]
    fn our_own_comment() {
        let fields = stamp(
            br#"# poolmon 1 time=2026-11-23T06:13:47Z host="SRV 01" boot= system="Windows 10.0.19045" "#,
        )
        .unwrap();
        let shown: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(shown, ["time=2026-11-23T06:13:47Z", "host=SRV 01", "boot=", "system=Windows 10.0.19045"]);
        assert_eq!(stamp(b"# poolmon 1").map(|fields| fields.len()), Some(0));
        assert_eq!(stamp(b"## a rule"), None);
    }

    #[test]
    fn other_programs_lines() {
        assert_eq!(
            memsnap(b"!ComputerName=ASEANL-TEST2"),
            Some(("ComputerName".into(), "ASEANL-TEST2".into()))
        );
        assert_eq!(memsnap(b"!poolused 2"), None);
        assert_eq!(
            uptime(b"System Uptime: 3 days 1:02:03.456"),
            Some(Duration::from_secs(3 * 86_400 + 3723))
        );
    }

    #[test]
    fn sessions_and_processes() {
        assert_eq!(session(b" Session 12 pool information"), Some(SessionHeading::One(12)));
        assert_eq!(session(b" All sessions pool information"), Some(SessionHeading::All));
        assert_eq!(session(b" System pool information"), None);
        assert!(is_process(b"00000004              System    233472         0         0         0     32768       738        50"));
        assert!(!is_process(b"826fa130 size:   c0 previous size:   40"));
    }
}
