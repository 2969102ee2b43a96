//! What to do next about a tag: commands with the tag filled in, each in its own tool's dialect.
//!
//! Documented commands only; what each needs, and what it costs, is next to it.

use poolmon_model::{Pool, PoolTag, Tag};

/// One command to run next.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NextCommand {
    /// Whose command it is (`WinDbg`).
    pub tool: &'static str,
    /// The command, ready to be pasted.
    pub command: String,
    /// What it reports.
    pub shows: &'static str,
    /// What it needs, and what it costs.
    pub needs: &'static str,
}

/// The commands for a tag, the cheapest first.
pub fn commands(tag: &Tag, pool: Option<Pool>) -> Vec<NextCommand> {
    match tag {
        Tag::Pool(tag) => windows(*tag, pool),
        Tag::Name(name) => linux(name, pool),
    }
}

fn windows(tag: PoolTag, pool: Option<Pool>) -> Vec<NextCommand> {
    let bytes = tag.unprotected().0;
    let printable = bytes.iter().all(|&byte| (0x20..0x7f).contains(&byte));
    let text: String =
        bytes.iter().map(|&byte| if (0x20..0x7f).contains(&byte) { char::from(byte) } else { '?' }).collect();
    let trimmed = text.trim_end();
    // A debugger reads the four characters in memory's order; its numbers are little-endian.
    let number = u32::from_le_bytes(bytes);
    let hex = bytes.map(|byte| format!("{byte:02x}")).join(" ");
    let sort = if pool == Some(Pool::Paged) { "4" } else { "2" };
    let mut list = Vec::new();
    let mut add =
        |tool, command: String, shows, needs| list.push(NextCommand { tool, command, shows, needs });
    add(
        "poolmon",
        format!("poolmon who {}", shell(&text, printable, bytes)),
        "which driver's machine code uses the tag",
        "the drivers (on Windows the loaded ones automatically; elsewhere --drivers)",
    );
    if printable {
        add(
            "findstr",
            format!(
                "findstr /m /l /c:\"{}\" %SystemRoot%\\System32\\drivers\\*.sys",
                text.replace('"', "\\\"")
            ),
            "files that contain the four characters anywhere, possibly by chance",
            "nothing",
        );
    }
    add(
        "WinDbg",
        format!("!poolused /t5 {sort} {}", debugger(trimmed)),
        "allocs, frees and bytes of the tag",
        "a kernel dump or a kernel debugger, and symbols of the kernel",
    );
    add(
        "WinDbg",
        if printable {
            format!(
                "!for_each_module s -a @#Base @#End \"{}\"",
                text.replace('\\', "\\\\").replace('"', "\\\"")
            )
        } else {
            format!("!for_each_module s -b @#Base @#End {hex}")
        },
        "where the tag occurs in loaded drivers",
        "a kernel dump or a kernel debugger",
    );
    add(
        "WinDbg",
        format!(
            "!poolfind {} {}",
            debugger(trimmed),
            if pool == Some(Pool::Paged) { "-paged" } else { "-nonpaged" }
        ),
        "the allocations themselves, to check their contents",
        "a complete or kernel dump; slow with much memory",
    );
    add(
        "WinDbg",
        format!("ed nt!poolhittag 0x{number:08x}"),
        "break at each allocation and free of the tag, to see the caller",
        "a live kernel debugger; the machine stops at each hit; write 0 to stop",
    );
    add(
        "WPR",
        format!(
            "<SystemProvider Id=\"sp\"><Keywords><Keyword Value=\"Pool\"/></Keywords><Stacks><Stack Value=\"PoolAllocation\"/>\
             <Stack Value=\"PoolFree\"/></Stacks><PoolTags><PoolTag Value=\"{}\"/></PoolTags></SystemProvider>",
            xml(&text)
        ),
        "stacks of the tag's allocations: this part of a profile for `wpr -start`",
        "administrator; Windows Performance Toolkit; some CPU time while it runs",
    );
    add(
        "gflags",
        if trimmed.chars().all(|c| c.is_ascii_alphanumeric()) {
            format!("gflags /r +spp {trimmed}")
        } else {
            format!("gflags /r +spp 0x{number:08x}")
        },
        "special pool for the tag: a write past an allocation stops the machine at once",
        "administrator, Debugging Tools; a reboot; much memory; it finds corruption rather than leaks",
    );
    add(
        "verifier",
        "verifier /volatile /flags 0x8 /adddriver DRIVER.sys".to_owned(),
        "pool tracking of one suspected driver; `verifier /query` shows what it holds",
        "administrator; no reboot; replace DRIVER.sys with the suspected driver, which it slows",
    );
    list
}

fn linux(name: &str, pool: Option<Pool>) -> Vec<NextCommand> {
    let quoted = if name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:/".contains(c)) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    };
    let c_text = name.replace('\\', "\\\\").replace('"', "\\\"").replace('\'', r"'\''");
    let mut list = Vec::new();
    let mut add =
        |tool, command: String, shows, needs| list.push(NextCommand { tool, command, shows, needs });
    add(
        "poolmon",
        format!("poolmon who {quoted}"),
        "which module, or the kernel itself, creates it",
        "the modules in /lib/modules or a kernel in /boot (or --drivers)",
    );
    if matches!(pool, Some(Pool::Vmalloc | Pool::CallSite)) {
        let file = if pool == Some(Pool::Vmalloc) { "/proc/vmallocinfo" } else { "/proc/allocinfo" };
        add("grep", format!("grep -F -- {quoted} {file}"), "its areas or its line", "root");
        return list;
    }
    if pool != Some(Pool::Unreclaimable) {
        add(
            "sysctl",
            "echo 2 > /proc/sys/vm/drop_caches".to_owned(),
            "a cache that shrinks after this is not a leak",
            "root; file access is slower for a while",
        );
    }
    add(
        "bpftrace",
        format!(
            "bpftrace -e 'kprobe:kmem_cache_alloc* /str(((struct kmem_cache *)arg0)->name) == \"{c_text}\"/ {{ @[kstack] = count(); }}'"
        ),
        "who allocates from the cache, by stack",
        "root; bpftrace and BTF; some CPU time while it runs",
    );
    add("bcc", "slabratetop".to_owned(), "which caches allocate the most per second", "root; bcc");
    add(
        "bcc",
        "memleak -a 10 30".to_owned(),
        "allocations of the kernel that were not freed within ten seconds, by stack",
        "root; bcc; high overhead on a busy machine",
    );
    add(
        "kernel",
        format!("slub_debug=U,{c_text}"),
        "as a boot option: who allocates and frees, for the file below",
        "a reboot; memory and time for each object of the cache",
    );
    add(
        "kernel",
        format!("cat /sys/kernel/debug/slab/{quoted}/alloc_traces"),
        "callers of all objects held now, the most common first",
        "root; the boot option above (before Linux 5.15: /sys/kernel/slab/…/alloc_calls)",
    );
    list
}

/// As our own argument in a shell.
fn shell(text: &str, printable: bool, bytes: [u8; 4]) -> String {
    if printable && text.trim_end().chars().all(|c| c.is_ascii_alphanumeric()) {
        return text.trim_end().to_owned();
    }
    let escaped: String = bytes
        .iter()
        .map(|&byte| match byte {
            b'\\' | b'\'' | b'"' | b'`' | b'$' | b'%' | b'!' => format!("\\x{byte:02x}"),
            0x20..0x7f => char::from(byte).to_string(),
            _ => format!("\\x{byte:02x}"),
        })
        .collect();
    format!("\"{escaped}\"")
}

/// A debugger's pattern: blanks and bytes that do not print stand as `?`.
fn debugger(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() && c != ';' && c != '"' { c } else { '?' }).collect()
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(tag: [u8; 4]) -> Vec<String> {
        commands(&Tag::pool(tag), Some(Pool::Nonpaged)).into_iter().map(|next| next.command).collect()
    }

    #[test]
    fn a_plain_tag_in_each_dialect() {
        let list = of(*b"Test");
        for wanted in [
            "poolmon who Test",
            "findstr /m /l /c:\"Test\" %SystemRoot%\\System32\\drivers\\*.sys",
            "!poolused /t5 2 Test",
            "!for_each_module s -a @#Base @#End \"Test\"",
            "!poolfind Test -nonpaged",
            // The bytes T e s t, read as a little-endian number.
            "ed nt!poolhittag 0x74736554",
            "gflags /r +spp Test",
        ] {
            assert!(list.iter().any(|command| command == wanted), "{wanted} is not in {list:#?}");
        }
    }

    #[test]
    fn hostile_tags_stay_data() {
        let list = of(*b"\"&<\\");
        let text = list.join("\n");
        assert!(text.contains("Value=\"&quot;&amp;&lt;\\\""), "{text}");
        assert!(text.contains("poolmon who \"\\x22&<\\x5c\""), "{text}");
        assert!(text.contains("\"\\\"&<\\\\\""), "{text}");
        let list = of(*b"a\x00\xff;");
        assert!(!list.join("").contains(['\0', '\u{ff}']), "{list:#?}");
        assert!(list.iter().any(|command| command == "!for_each_module s -b @#Base @#End 61 00 ff 3b"));
        assert!(!list.iter().any(|command| command.starts_with("findstr")), "it cannot look for such bytes");
        assert!(list.iter().any(|command| command == "!poolused /t5 2 a???"));
    }

    #[test]
    fn caches_of_linux() {
        let list = commands(&Tag::name("kmalloc-rcl-96"), Some(Pool::Unreclaimable));
        let text: Vec<_> = list.iter().map(|next| next.command.as_str()).collect();
        assert!(
            text.contains(&"poolmon who kmalloc-rcl-96") && text.contains(&"slub_debug=U,kmalloc-rcl-96")
        );
        assert!(!text.iter().any(|command| command.contains("drop_caches")), "it cannot shrink");
        let hostile = commands(&Tag::name("a'; rm -rf /; '"), None);
        assert!(
            hostile.iter().all(|next| !next.command.contains("'; rm") || next.command.contains(r"'\''; rm"))
        );
    }
}
