//! Man pages: what clap writes of a command, in the sections that readers of man pages look for.

use std::fmt::Write as _;

/// Where a page says what clap calls "extra": the text behind a command's help.
const EXTRA: &str = ".SH EXTRA\n";
/// With what the line of exit codes begins there.
const CODES: &str = "Exit codes: ";

/// Examples of commands whose help has none: what for, and the command.
const EXAMPLES: [(&str, &str, &str); 23] = [
    ("poolmon", "Watch this machine:", "poolmon"),
    ("poolmon", "Open whatever a file or folder is:", "poolmon MEMORY.DMP"),
    ("poolmon-top", "The ten largest rows as JSON:", "poolmon top --limit 10 --format json"),
    (
        "poolmon-record",
        "Record for weeks and keep the last four:",
        "poolmon record /var/lib/poolmon --keep 28d",
    ),
    ("poolmon-record", "Record for an hour, for a group to read:", "poolmon record rec --for 1h --mode 640"),
    ("poolmon-leaks", "What leaks in a recording:", "poolmon leaks /var/lib/poolmon"),
    ("poolmon-leaks", "For a script, exit code 3 if something leaks:", "poolmon leaks rec --fail-on likely"),
    ("poolmon-diff", "What changed between two logs:", "poolmon diff before.log after.log"),
    ("poolmon-export", "All of it for other tools:", "poolmon export rec -o rec.parquet"),
    ("poolmon-import", "Logs as a recording:", "poolmon import logs/ -o rec"),
    ("poolmon-info", "What is in a recording:", "poolmon info rec"),
    ("poolmon-verify", "Whether a recording is whole:", "poolmon verify rec"),
    ("poolmon-note", "Mark what you do now:", "poolmon note rec \"restarted the spooler\""),
    ("poolmon-replay", "Look at a recording as at a live machine:", "poolmon replay rec"),
    ("poolmon-holders", "Who keeps the objects of a cache alive:", "poolmon holders dentry"),
    ("poolmon-who", "Which driver uses a tag, with proof:", "poolmon who Leak --drivers drivers/"),
    (
        "poolmon-fleet",
        "Which tags leak on which hosts:",
        "poolmon fleet --url http://prometheus.example:9090",
    ),
    ("poolmon-tag", "What a tag is:", "poolmon tag Ntfx"),
    ("poolmon-doctor", "What works here, and what would help:", "poolmon doctor"),
    ("poolmon-service-install", "Record from now on:", "poolmon service install /var/lib/poolmon"),
    ("poolmon-trace", "Which code allocates and does not free:", "poolmon trace kmalloc-64 --for 30s"),
    (
        "poolmon-config",
        "Begin a configuration of the screen:",
        "poolmon config > ~/.config/poolmon/config.toml",
    ),
    ("poolmon-completions", "For this shell:", "poolmon completions bash"),
];

/// Files, and the pages that are about them.
const FILES: [(&str, &str, &[&str]); 6] = [
    (
        "FOLDER/NUMBER-TIME.plog",
        "A segment of a recording, of an hour at most. Older ones can be deleted.",
        &["record", "export", "info", "verify", "leaks", "replay", "service"],
    ),
    ("FOLDER/recorder.lock", "Held by the recorder that writes into the folder.", &["record", "service"]),
    ("FOLDER/note-*.txt", "A note that no recorder has taken into a segment yet.", &["record", "note"]),
    (
        "/var/cache/poolmon, $XDG_CACHE_HOME/poolmon",
        "What was found in the code of drivers (root's, and a user's). Can be deleted.",
        &["who", "leaks", "report"],
    ),
    (
        "$XDG_CONFIG_HOME/poolmon/config.toml, ~/.config/poolmon/config.toml",
        "What a user set for the screen: theme, interval, order, columns, keys.",
        &["live", "demo", "replay", "config"],
    ),
    ("/etc/systemd/system/poolmon.service", "The unit that service install writes.", &["service"]),
];

/// A page of the name (`poolmon-record`) with the sections EXAMPLES, FILES and EXIT STATUS. `codes` is the line of exit codes that holds for
/// commands whose help has none.
pub fn page(name: &str, text: &str, codes: &str) -> String {
    let (before, rest) = text.split_once(EXTRA).unwrap_or((text, ""));
    let (extra, after) = match rest.find(".SH ") {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let is_example = |line: &&str| line.starts_with("  poolmon");
    let own = extra.lines().find_map(|line| line.strip_prefix(CODES));
    let notes: Vec<&str> =
        extra.lines().filter(|line| !is_example(line) && !line.starts_with(CODES)).collect();
    let notes = notes.join("\n");
    let mut page = before.trim_end().to_owned();
    let mut section = |title: &str, body: &str| {
        if !body.trim().is_empty() {
            let _ = write!(page, "\n.SH {title}\n{}", body.trim_matches('\n'));
        }
    };
    section("NOTES", &as_lines(&notes));
    let mut examples = String::new();
    for (_, what, command) in EXAMPLES.iter().filter(|(of, ..)| *of == name) {
        let _ = write!(examples, "{}\n.PP\n.RS 4\n{}\n.RE\n.PP\n", roff(what), roff(command));
    }
    for line in extra.lines().filter(is_example) {
        let _ = write!(examples, ".PP\n.RS 4\n{}\n.RE\n", line.trim());
    }
    section("EXAMPLES", &examples);
    let command = name.strip_prefix("poolmon-").unwrap_or_default();
    let command = command.split('-').next().unwrap_or_default();
    let is_about = |about: &[&str]| name == "poolmon" || about.contains(&command);
    let mut files = String::new();
    for (file, what, _) in FILES.iter().filter(|(.., about)| is_about(about)) {
        let _ = write!(files, ".TP\n\\fI{}\\fR\n{}\n", roff(file), roff(what));
    }
    section("FILES", &files);
    let codes = roff(codes.strip_prefix(CODES).unwrap_or(codes));
    let codes = own.unwrap_or(&codes).trim_end_matches('.');
    let mut meanings = String::new();
    for part in codes.split("; ") {
        let _ = match part.split_once(' ') {
            Some((code, about)) if code.bytes().all(|byte| byte.is_ascii_digit()) => {
                write!(meanings, "\n.TP\n\\fB{code}\\fR\n{about}")
            }
            // A meaning may hold a semicolon itself.
            _ => write!(meanings, "; {part}"),
        };
    }
    section("EXIT STATUS", &meanings);
    if name != "poolmon" {
        section("SEE ALSO", "\\fBpoolmon\\fR(1)");
    }
    format!("{page}\n{after}")
}

/// Indented lines are tables: they stay lines.
fn as_lines(text: &str) -> String {
    let mut lines = Vec::new();
    let mut is_table = false;
    for line in text.lines() {
        let indented = line.starts_with("  ");
        if indented != is_table {
            lines.push(if indented { ".nf" } else { ".fi" });
            is_table = indented;
        }
        lines.push(line);
    }
    if is_table {
        lines.push(".fi");
    }
    lines.join("\n")
}

/// Plain text as roff takes it.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('-', "\\-").replace('\'', "\\*(Aq");
    if text.starts_with('.') { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAP: &str = ".TH poolmon-report 1\n.SH OPTIONS\n\\-\\-x\n.SH EXTRA\nOne file.\n\n  poolmon report rec \\-o a.html\n\
                        \nExit codes: 0 done; 1 something failed; see the message; 3 found.\n.SH VERSION\nv1\n";

    #[test]
    fn what_clap_calls_extra_is_where_readers_look() {
        insta::assert_snapshot!(page("poolmon-report", CLAP, "Exit codes: 0 done."));
    }

    #[test]
    fn a_command_without_words_of_its_own_has_the_general_codes() {
        let page =
            page("poolmon-record", ".TH x 1\n.SH OPTIONS\nx\n", "Exit codes: 0 done; 1 failed; 2 wrong.");
        assert!(page.contains(".SH EXIT STATUS\n.TP\n\\fB0\\fR\ndone\n.TP\n\\fB1\\fR\nfailed"), "{page}");
        assert!(page.contains("poolmon record /var/lib/poolmon \\-\\-keep 28d"), "{page}");
        assert!(page.contains("recorder.lock") && page.ends_with("\\fBpoolmon\\fR(1)\n"), "{page}");
    }
}
