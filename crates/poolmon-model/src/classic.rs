//! Microsoft's switches (`-b`, `/p /p`, `/iNt*`, `/n file`), turned into the modern options.
//!
//! The program knows one set of options only. A command line is in the classic form when its first
//! argument is one of the switches; modern `--options` may be next to them.

use std::ffi::OsString;

/// What a command line in the classic form cannot mean.
#[derive(Debug, PartialEq, Eq)]
pub struct Unclear(pub String);

/// Turns a classic command line (without the program's name) into a modern one; `None` if it is not in that form.
pub fn translate(args: &[OsString]) -> Option<Result<Vec<OsString>, Unclear>> {
    let first = args.first()?.to_str()?;
    switch(first)?;
    Some(translate_all(args))
}

fn translate_all(args: &[OsString]) -> Result<Vec<OsString>, Unclear> {
    let mut modern = Vec::new();
    let mut pool_switches = 0_usize;
    let mut change_switches = 0_usize;
    let mut highlight_switches = 0_usize;
    let mut totals_switches = 0_usize;
    let mut rest = args.iter().peekable();
    while let Some(arg) = rest.next() {
        let Some((letter, tail)) = arg.to_str().and_then(switch) else {
            // A modern option, its value, or a file name of nothing: clap says what is wrong with it.
            modern.push(arg.clone());
            continue;
        };
        let mut file = || rest.next_if(|next| next.to_str().is_none_or(|next| !is_option(next))).cloned();
        match letter {
            'i' | 'x' if tail.is_empty() => return Err(missing_pattern(letter)),
            'i' => modern.push(format!("--include={tail}").into()),
            'x' => modern.push(format!("--exclude={tail}").into()),
            'g' => modern.push(with_value("--pooltag", file())),
            'c' => modern.push(with_value("--localtag", file())),
            'n' => modern.push(with_value("--snapshot", file())),
            's' if tail.is_empty() => modern.push("--session".into()),
            's' => modern.push(format!("--session={tail}").into()),
            // Each of these toggles, as on PoolMon's keyboard: twice /p is paged, a third time both again.
            'p' => pool_switches += 1,
            '(' | ')' => change_switches += 1,
            'l' => highlight_switches += 1,
            'e' => totals_switches += 1,
            'r' => modern.push("--memory".into()),
            'h' | '?' => modern.push("--help".into()),
            // In no document, but in public guides: sort by bytes used.
            'u' => modern.push("--sort=bytes".into()),
            letter => {
                let column = crate::column::by_key(letter).map_or("tag", |column| column.id);
                modern.push(format!("--sort={column}").into());
            }
        }
    }
    // The screen always has these figures; a snapshot has them if asked.
    if !modern.iter().any(|option| option.as_encoded_bytes().starts_with(b"--snapshot")) {
        modern.retain(|option| option != "--memory");
    }
    match pool_switches % 3 {
        1 => modern.push("--pool=nonpaged".into()),
        2 => modern.push("--pool=paged".into()),
        _ => {}
    }
    for (count, option) in [
        (change_switches, "--by-change"),
        (highlight_switches, "--no-highlight"),
        (totals_switches, "--totals"),
    ] {
        if count % 2 == 1 {
            modern.push(option.into());
        }
    }
    Ok(modern)
}

/// The letter and tail of a classic switch.
fn switch(arg: &str) -> Option<(char, &str)> {
    let rest = arg.strip_prefix('-').or_else(|| arg.strip_prefix('/'))?;
    let letter = rest.chars().next()?.to_ascii_lowercase();
    let tail = rest.get(letter.len_utf8()..)?;
    let known = match letter {
        // `/itest` is a pattern, `/index.html` too; a path such as `/etc/x` is not a switch.
        'i' | 'x' => !tail.contains('/'),
        's' => tail.len() <= 10 && tail.bytes().all(|b| b.is_ascii_digit()),
        'g' | 'c' | 'n' | 'p' | 'e' | '(' | ')' | 't' | 'a' | 'f' | 'd' | 'b' | 'm' | 'l' | 'r' | 'u'
        | 'h' | '?' => tail.is_empty(),
        _ => false,
    };
    known.then_some((letter, tail))
}

/// Whether an argument is a switch or an option, not a file name.
fn is_option(arg: &str) -> bool {
    switch(arg).is_some() || (arg.starts_with('-') && arg.len() > 1)
}

fn with_value(option: &str, value: Option<OsString>) -> OsString {
    let mut whole = OsString::from(option);
    if let Some(value) = value {
        whole.push("=");
        whole.push(value);
    }
    whole
}

fn missing_pattern(letter: char) -> Unclear {
    Unclear(format!(
        "-{letter} needs a tag directly after it, without a space: -{letter}Test, /{letter}Nt* (* and ? are \
            wildcards)"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modern(line: &str) -> Option<Vec<String>> {
        let args: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        translate(&args)
            .map(|result| result.unwrap().into_iter().map(|arg| arg.into_string().unwrap()).collect())
    }

    fn is(line: &str, expected: &str) {
        let expected: Vec<String> = expected.split_whitespace().map(str::to_owned).collect();
        assert_eq!(modern(line), Some(expected), "{line}");
    }

    #[test]
    fn every_documented_switch_in_both_forms() {
        for dash in ["-", "/"] {
            for (classic, modern) in [
                ("b", "--sort=bytes"),
                ("t", "--sort=tag"),
                ("a", "--sort=allocs"),
                ("f", "--sort=frees"),
                ("d", "--sort=diff"),
                ("m", "--sort=per_alloc"),
                ("iNt*", "--include=Nt*"),
                ("xCcBc", "--exclude=CcBc"),
                ("g", "--pooltag"),
                ("c", "--localtag"),
                ("n", "--snapshot"),
                ("s", "--session"),
                ("s12", "--session=12"),
                ("p", "--pool=nonpaged"),
                ("e", "--totals"),
                ("(", "--by-change"),
                (")", "--by-change"),
                ("l", "--no-highlight"),
                ("r", ""),
                ("u", "--sort=bytes"),
                ("h", "--help"),
                ("?", "--help"),
            ] {
                is(&format!("{dash}{classic}"), modern);
            }
        }
    }

    #[test]
    fn lines_that_scripts_use() {
        is("-t -b -r -n out.log", "--sort=tag --sort=bytes --memory --snapshot=out.log");
        is("-n FILE -b -r", "--snapshot=FILE --sort=bytes --memory");
        is(
            "/b /g C:\\kits\\pooltag.txt -n snap.log",
            "--sort=bytes --pooltag=C:\\kits\\pooltag.txt --snapshot=snap.log",
        );
        is("/iAud* /iCc?? /xCcBc", "--include=Aud* --include=Cc?? --exclude=CcBc");
        is("/p /p /b", "--sort=bytes --pool=paged");
        is("/p /p /p /b", "--sort=bytes");
        is("-n /tmp/x.log -b", "--snapshot=/tmp/x.log --sort=bytes");
        is("-b --interval 2s", "--sort=bytes --interval 2s");
        is("-B /P", "--sort=bytes --pool=nonpaged");
    }

    #[test]
    fn what_is_not_classic_is_left_to_the_modern_form() {
        for line in ["top x.log", "--sort bytes", "", "/var/log/pool.log", "live -b", "-V", "/itest/file"] {
            assert_eq!(modern(line), None, "{line}");
        }
    }

    #[test]
    fn a_pattern_apart_from_its_switch_is_explained() {
        let args = ["-b", "-i", "Test"].map(OsString::from);
        let error = translate(&args).unwrap().unwrap_err();
        assert!(error.0.contains("without a space"), "{error:?}");
    }
}
