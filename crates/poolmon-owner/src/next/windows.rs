//! The commands for a pool tag of Windows.
//!
//! Sources, all on learn.microsoft.com: "`!poolused`", "`!poolfind`", "`!for_each_module`", "Using the Kernel Debugger to Find a
//! Kernel-Mode Memory Leak" (`poolhittag`), "`GFlags` Commands" (`+spp`), "Verifier command line", and "WPR: `SystemProvider`,
//! `PoolTags`, Profile" of the schema of recording profiles.

use poolmon_model::{Pool, PoolTag, Tag};

use super::{List, Subject, holders, who};

pub fn commands(list: &mut List, tag: PoolTag, of: &Subject<'_>) {
    let bytes = tag.unprotected().0;
    let found = !of.drivers.is_empty();
    if !of.searched && !found {
        list.add(
            "poolmon",
            who(of.tag).unwrap_or_default(),
            "which driver's machine code uses the tag",
            if cfg!(windows) {
                "nothing: the loaded drivers are searched"
            } else {
                "the drivers: DIR is a mounted Windows disk or a folder of drivers"
            },
        );
        if let Some(text) = findstr(bytes) {
            list.add(
                "findstr",
                text,
                "files that contain the four characters anywhere, possibly by chance",
                "a Command Prompt (cmd.exe) on the machine",
            );
        }
    }
    holders::commands(list, &Tag::Pool(tag));
    let sort = if of.pool == Some(Pool::Paged) { 4 } else { 2 };
    list.add(
        "WinDbg",
        format!("!poolused {sort} {}", debugger(bytes)),
        "outstanding allocations and bytes of the tag",
        "a kernel dump or a kernel debugger, and symbols of the kernel",
    );
    if !found {
        list.add(
            "WinDbg",
            modules(bytes),
            "where the tag occurs in loaded drivers",
            "a kernel dump or a kernel debugger",
        );
    }
    let pools: &[u8] = match of.pool {
        Some(Pool::Paged) => &[1],
        Some(_) => &[0],
        None => &[0, 1],
    };
    for pool in pools {
        list.add(
            "WinDbg",
            format!("!poolfind {} {pool}", debugger(bytes)),
            if *pool == 0 {
                "the allocations in nonpaged pool, to check their contents"
            } else {
                "the allocations in paged pool, to check their contents"
            },
            "a complete or kernel dump; slow with much memory",
        );
    }
    list.add(
        "WinDbg",
        format!("ed nt!poolhittag 0x{:08x}", tag.unprotected().to_u32()),
        "break at each allocation and free of the tag, to see the caller",
        "a live kernel debugger; the machine stops at each hit; write 0 to stop",
    );
    if tag.unprotected().is_printable() {
        list.add(
            "WPR",
            profile(&bytes.map(char::from).iter().collect::<String>()),
            "stacks of the tag's allocations and frees while the trace runs, in poolmon-tag.etl",
            "PowerShell as administrator; some CPU time while it runs; press Enter to end the trace",
        );
    }
    let pattern = special_pool(bytes);
    list.add(
        "gflags",
        format!("gflags /r +spp {pattern}"),
        if pattern.contains('?') {
            "special pool for the tag (`?` is any character): a write past an allocation stops the machine at once"
        } else {
            "special pool for the tag: a write past an allocation stops the machine at once"
        },
        "administrator, Debugging Tools; a reboot; much memory; it finds corruption rather than leaks",
    );
    let files: Vec<&str> = of.drivers.iter().map(String::as_str).filter(|file| is_plain(file)).collect();
    if !files.is_empty() {
        list.add(
            "verifier",
            format!("verifier /volatile /flags 0x8 /adddriver {}", files.join(" ")),
            "pool tracking of the driver; `verifier /query` shows what it holds",
            "administrator; no reboot; the driver is slowed",
        );
    }
}

/// A pattern of a debugger. It reads exactly four characters, in which `?` is any one: blanks, what does not print and what a
/// command line reads as something else.
fn debugger(bytes: [u8; 4]) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_.+-#@&".contains(&byte);
    let mut text: Vec<char> =
        bytes.iter().map(|&byte| if safe(byte) { char::from(byte) } else { '?' }).collect();
    // `0x...` is a tag's value, `-` begins an option.
    let is_value = bytes.starts_with(b"0x") || bytes.starts_with(b"0X");
    if let Some(first) = text.first_mut()
        && (is_value || *first == '-')
    {
        *first = '?';
    }
    text.into_iter().collect()
}

/// The pattern of a tag for special pool. What begins with a digit would be read as a size, not as a tag.
fn special_pool(bytes: [u8; 4]) -> String {
    let shown = |(at, byte): (usize, &u8)| match byte {
        b'0'..=b'9' if at == 0 => '?',
        byte if byte.is_ascii_alphanumeric() => char::from(*byte),
        _ => '?',
    };
    bytes.iter().enumerate().map(shown).collect()
}

fn modules(bytes: [u8; 4]) -> String {
    let plain = bytes.iter().all(|&byte| (0x20..0x7f).contains(&byte) && !b"\"\\;".contains(&byte));
    if plain {
        let text: String = bytes.iter().copied().map(char::from).collect();
        return format!("!for_each_module s -a @#Base @#End \"{text}\"");
    }
    format!("!for_each_module s -b @#Base @#End {}", bytes.map(|byte| format!("{byte:02x}")).join(" "))
}

/// `None` if a Command Prompt cannot hand the four characters on.
fn findstr(bytes: [u8; 4]) -> Option<String> {
    let plain = bytes.iter().all(|&byte| (0x20..0x7f).contains(&byte) && !b"\"%\\".contains(&byte));
    let text: String = bytes.iter().copied().map(char::from).collect();
    plain.then(|| format!("findstr /m /l /c:\"{text}\" %SystemRoot%\\System32\\drivers\\*.sys"))
}

fn is_plain(file: &str) -> bool {
    !file.is_empty()
        && !file.starts_with(['-', '.'])
        && file.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

/// A whole recording profile, written to a file and started: `wpr` takes nothing less.
fn profile(tag: &str) -> String {
    let tag = tag
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&apos;");
    format!(
        r#"@'
<?xml version="1.0" encoding="utf-8"?>
<WindowsPerformanceRecorder Version="1.0" Author="poolmon">
  <Profiles>
    <SystemCollector Id="SystemCollector" Name="NT Kernel Logger">
      <BufferSize Value="1024"/>
      <Buffers Value="128"/>
    </SystemCollector>
    <SystemProvider Id="SystemProvider">
      <Keywords>
        <Keyword Value="Loader"/>
        <Keyword Value="Pool"/>
        <Keyword Value="ProcessThread"/>
      </Keywords>
      <Stacks>
        <Stack Value="PoolAllocation"/>
        <Stack Value="PoolFree"/>
      </Stacks>
      <PoolTags>
        <PoolTag Value="{tag}"/>
      </PoolTags>
    </SystemProvider>
    <Profile Id="PoolTag.Verbose.File" Name="PoolTag" Description="Allocations of one pool tag" LoggingMode="File" DetailLevel="Verbose">
      <Collectors>
        <SystemCollectorId Value="SystemCollector">
          <SystemProviderId Value="SystemProvider"/>
        </SystemCollectorId>
      </Collectors>
    </Profile>
  </Profiles>
</WindowsPerformanceRecorder>
'@ | Set-Content -Encoding utf8 poolmon-tag.wprp
wpr -start poolmon-tag.wprp!PoolTag.Verbose -filemode
Read-Host "Let the tag grow, then press Enter"
wpr -stop poolmon-tag.etl"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::next;

    fn of(tag: [u8; 4], pool: Option<Pool>) -> Vec<String> {
        let tag = Tag::pool(tag);
        next::commands(&Subject::new(&tag, pool)).into_iter().map(|next| next.command).collect()
    }

    #[test]
    fn a_plain_tag_in_each_dialect() {
        let list = of(*b"Test", Some(Pool::Nonpaged));
        for wanted in [
            "findstr /m /l /c:\"Test\" %SystemRoot%\\System32\\drivers\\*.sys",
            "!poolused 2 Test",
            "!for_each_module s -a @#Base @#End \"Test\"",
            "!poolfind Test 0",
            // The bytes T e s t, read as a little-endian number.
            "ed nt!poolhittag 0x74736554",
            "gflags /r +spp Test",
        ] {
            assert!(list.iter().any(|command| command == wanted), "{wanted} is not in {list:#?}");
        }
        let who = list.iter().find(|command| command.starts_with("poolmon who")).unwrap();
        assert_eq!(who, if cfg!(windows) { "poolmon who Test" } else { "poolmon who Test --drivers DIR" });
        assert!(!list.iter().any(|command| command.starts_with("verifier")), "no driver is known");
    }

    #[test]
    fn the_pool_is_a_number() {
        let has = |pool, wanted: &str| of(*b"Test", pool).iter().any(|command| command == wanted);
        assert!(has(Some(Pool::Paged), "!poolfind Test 1") && has(Some(Pool::Paged), "!poolused 4 Test"));
        assert!(!has(Some(Pool::Paged), "!poolfind Test 0"));
        assert!(has(None, "!poolfind Test 0") && has(None, "!poolfind Test 1"));
    }

    #[test]
    fn patterns_are_four_characters() {
        for (tag, debugger, special) in [
            (*b"Ab  ", "Ab??", "Ab??"),
            (*b" x y", "?x?y", "?x?y"),
            // As a number, gflags would take it for a size.
            (*b"1394", "1394", "?394"),
            (*b"0x1F", "?x1F", "?x1F"),
            (*b"8042", "8042", "?042"),
            (*b"-abc", "?abc", "?abc"),
            (*b"a*;\"", "a???", "a???"),
            (*b"a\x00\xff;", "a???", "a???"),
        ] {
            let list = of(tag, Some(Pool::Nonpaged)).join("\n");
            for wanted in [
                format!("!poolused 2 {debugger}\n"),
                format!("!poolfind {debugger} 0\n"),
                format!("gflags /r +spp {special}"),
            ] {
                assert!(list.contains(&wanted), "{wanted} is not in {list}");
            }
        }
    }

    #[test]
    fn hostile_tags_stay_data() {
        let list = of(*b"\"&<\\", Some(Pool::Nonpaged));
        let text = list.join("\n");
        assert!(text.contains("<PoolTag Value=\"&quot;&amp;&lt;\\\"/>"), "{text}");
        assert!(text.contains("!for_each_module s -b @#Base @#End 22 26 3c 5c"), "{text}");
        assert!(!list.iter().any(|command| command.starts_with("findstr")), "cmd would run what follows");
        let list = of(*b"a\x00\xff;", None);
        assert!(!list.join("").contains(['\0', '\u{ff}']), "{list:#?}");
        assert!(list.iter().any(|command| command == "!for_each_module s -b @#Base @#End 61 00 ff 3b"));
        assert!(!list.iter().any(|command| command.contains("PoolTag Value")), "it cannot be written in XML");
    }

    #[test]
    fn a_recording_profile_is_whole() {
        let list = of(*b"Test", None).join("\n");
        let (from, to) = (list.find("<?xml").unwrap(), list.find("\n'@").unwrap());
        let xml = &list[from..to];
        // Every element that is opened is closed, in order.
        let mut open = Vec::new();
        for element in xml.split('<').skip(2).map(|part| part.split('>').next().unwrap()) {
            let name = element.trim_start_matches('/').split([' ', '/']).next().unwrap();
            match element {
                _ if element.starts_with('/') => assert_eq!(open.pop(), Some(name), "{xml}"),
                _ if element.ends_with('/') => {}
                _ => open.push(name),
            }
        }
        assert!(open.is_empty(), "{open:?}");
        for id in ["SystemCollector", "SystemProvider"] {
            assert!(
                xml.contains(&format!("<{id} Id=\"{id}\""))
                    && xml.contains(&format!("<{id}Id Value=\"{id}\""))
            );
        }
        let started = list.lines().find(|line| line.starts_with("wpr -start")).unwrap();
        assert!(
            started.contains("!PoolTag.Verbose -filemode") && xml.contains("Id=\"PoolTag.Verbose.File\"")
        );
    }

    #[test]
    fn what_is_known_is_filled_in_and_not_asked_again() {
        let tag = Tag::pool(*b"Leak");
        let mut subject = Subject::new(&tag, Some(Pool::Paged));
        subject.drivers = vec!["leak.sys".into(), "a & b.sys".into()];
        subject.searched = true;
        let list: Vec<String> = next::commands(&subject).into_iter().map(|next| next.command).collect();
        assert!(list.iter().any(|command| command.ends_with("/adddriver leak.sys")), "{list:#?}");
        for answered in ["poolmon who", "findstr", "!for_each_module"] {
            assert!(!list.iter().any(|command| command.starts_with(answered)), "{answered}");
        }
        // Searched in vain: other places may have it.
        subject.drivers.clear();
        let list: Vec<String> = next::commands(&subject).into_iter().map(|next| next.command).collect();
        assert!(list.iter().any(|command| command.starts_with("!for_each_module")), "{list:#?}");
        assert!(!list.iter().any(|command| command.starts_with("poolmon who")), "{list:#?}");
    }
}
