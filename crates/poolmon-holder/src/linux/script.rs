//! Which script an interpreter runs: of the command line of a process, the base name of the script, the module or the class, and nothing
//! else. Other arguments may be secrets.
//!
//! Options by the manual pages of python(1), perlrun(1), ruby(1), node(1), bash(1), dash(1), zshall(1), ksh(1), java(1) and php(1), and
//! `dotnet --help`.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::holder::shown;

/// Bytes of a command line that are read: what names the script comes early.
const MOST: usize = 4096;

/// Cells of the name of a script.
const CELLS: usize = 40;

/// How a program finds its script.
struct Interpreter {
    /// Names of the program, without a version.
    names: &'static [&'static str],
    /// Letters of one-letter options that are followed by a value, in the same argument or the next one.
    values: &'static str,
    /// Letters whose value, if there is one, is in the same argument.
    attached: &'static str,
    /// Letters after which there is no script: code in an argument, or on standard input.
    code: &'static str,
    /// The letter of the option whose value is a module or file to run.
    runs: Option<char>,
    /// Letters without a value that may stand before it behind one dash.
    switches: &'static str,
    /// Long options that are followed by a value.
    long: &'static [&'static str],
    /// Long options after which there is no script.
    long_code: &'static [&'static str],
    /// Long options (or of one dash) whose value is what is run.
    long_runs: &'static [&'static str],
    /// Endings of scripts.
    endings: &'static [&'static str],
    /// What it runs need not be a file: a class.
    is_class: bool,
}

const NONE: Interpreter = Interpreter {
    names: &[],
    values: "",
    attached: "",
    code: "",
    runs: None,
    switches: "",
    long: &[],
    long_code: &[],
    long_runs: &[],
    endings: &[],
    is_class: false,
};

const INTERPRETERS: &[Interpreter] = &[
    Interpreter {
        names: &["python", "pypy"],
        values: "WXQ",
        code: "c",
        runs: Some('m'),
        switches: "bBdEiIOPqRsSuvx",
        long: &["--check-hash-based-pycs"],
        endings: &["py", "pyc", "pyz"],
        ..NONE
    },
    Interpreter { names: &["perl"], attached: "MmI0iFxDC", code: "eE", endings: &["pl"], ..NONE },
    Interpreter { names: &["ruby"], values: "rICEF", attached: "0KTWx", code: "e", endings: &["rb"], ..NONE },
    Interpreter {
        names: &["node", "nodejs"],
        values: "rC",
        code: "epi",
        long: &["--require", "--import", "--loader", "--experimental-loader", "--conditions", "--env-file"],
        long_code: &["--eval", "--print", "--interactive"],
        endings: &["js", "mjs", "cjs", "ts"],
        ..NONE
    },
    Interpreter {
        names: &["bash", "sh", "dash", "zsh", "ksh"],
        values: "oO",
        code: "cs",
        long: &["--rcfile", "--init-file"],
        endings: &["sh", "bash"],
        ..NONE
    },
    Interpreter {
        names: &["php"],
        values: "cdzt",
        code: "rRBEFSa",
        runs: Some('f'),
        switches: "Cnq",
        long: &["--php-ini", "--define"],
        long_code: &["--run", "--server"],
        long_runs: &["--file"],
        endings: &["php"],
        ..NONE
    },
    Interpreter {
        names: &["java"],
        long: &[
            "-cp",
            "-classpath",
            "--class-path",
            "-p",
            "--module-path",
            "--upgrade-module-path",
            "--add-modules",
            "--add-exports",
            "--add-opens",
            "--add-reads",
            "--limit-modules",
            "--enable-native-access",
            "--source",
        ],
        long_runs: &["-jar", "-m", "--module"],
        is_class: true,
        ..NONE
    },
    Interpreter {
        names: &["dotnet"],
        endings: &["dll"],
        long: &[
            "--roll-forward",
            "--fx-version",
            "--depsfile",
            "--runtimeconfig",
            "--additionalprobingpath",
            "--additional-deps",
        ],
        ..NONE
    },
];

/// The name of a process that calls itself `name`: with the script, if it is an interpreter that runs one. `folder`: its folder in
/// `/proc`.
pub fn name(name: &[u8], folder: &Path) -> Arc<str> {
    let plain = || if name.is_empty() { "(no name)".into() } else { shown(name) };
    let Some(line) = command_line(folder) else { return plain() };
    let Some((program, script)) = script(&line, &|path| is_file(folder, path)) else { return plain() };
    // The kernel gives a process the first 15 bytes of its program's or its script's name, and node the name of its main thread.
    let calls_itself = |of: &[u8]| !name.is_empty() && of.get(..of.len().min(15)) == Some(name);
    let usual = calls_itself(program.as_bytes()) || calls_itself(script) || name.ends_with(b"MainThread");
    let own = if usual { program.into() } else { plain() };
    let script = shown(script);
    let cut: String = match script.chars().count() {
        // A class says most at its end.
        cells if cells > CELLS => {
            std::iter::once('…').chain(script.chars().skip(cells + 1 - CELLS)).collect()
        }
        _ => script.to_string(),
    };
    format!("{own} {cut}").into()
}

fn command_line(folder: &Path) -> Option<Vec<u8>> {
    use std::io::Read as _;

    let mut line = Vec::new();
    std::fs::File::open(folder.join("cmdline")).ok()?.take(MOST as u64).read_to_end(&mut line).ok()?;
    if line.len() == MOST {
        // The last argument was cut.
        let end = line.iter().rposition(|byte| *byte == 0)?;
        line.truncate(end);
    }
    Some(line)
}

/// Whether a path is a file for the process.
fn is_file(folder: &Path, path: &[u8]) -> bool {
    let path = Path::new(std::ffi::OsStr::from_bytes(path));
    let place = match path.strip_prefix("/") {
        Ok(below) => folder.join("root").join(below),
        Err(_) => folder.join("cwd").join(path),
    };
    std::fs::metadata(place).is_ok_and(|data| data.is_file())
}

/// The interpreter and its script, if a command line is that of one.
fn script<'a>(line: &'a [u8], is_file: &dyn Fn(&[u8]) -> bool) -> Option<(&'a str, &'a [u8])> {
    let mut words = line.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    // A login shell calls itself `-bash`.
    let program = std::str::from_utf8(base(words.next()?)).ok()?;
    let plain = program.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'));
    let of = INTERPRETERS.iter().find(|of| of.names.contains(&plain))?;
    let mut is_dotnet_exec = plain == "dotnet";
    while let Some(word) = words.next() {
        let is_option = matches!(word.first(), Some(b'-' | b'+'));
        if word == b"--" {
            return found(of, words.next()?, is_file).map(|script| (program, script));
        }
        if !is_option {
            if word.first() == Some(&b'@') && of.is_class {
                continue;
            }
            if std::mem::take(&mut is_dotnet_exec) && word == b"exec" {
                continue;
            }
            return found(of, word, is_file).map(|script| (program, script));
        }
        let text = std::str::from_utf8(word).ok()?;
        let (option, value) =
            text.split_once('=').map_or((text, None), |(option, value)| (option, Some(value)));
        if of.long_code.contains(&option) {
            return None;
        }
        if of.long_runs.contains(&option) {
            let what = match value {
                Some(value) => word.get(word.len() - value.len()..)?,
                None => words.next()?,
            };
            return Some((program, base(what)));
        }
        if of.long.contains(&option) {
            if value.is_none() {
                words.next()?;
            }
            continue;
        }
        if text.starts_with("--") || of.is_class {
            continue;
        }
        // One-letter options, several of which may share a dash.
        for (at, letter) in text.char_indices().skip(1) {
            let rest = word.get(at + letter.len_utf8()..).filter(|rest| !rest.is_empty());
            if of.code.contains(letter) {
                return None;
            }
            if of.runs == Some(letter) {
                // Behind a letter that is not known, it may be a value.
                if !text.get(1..at)?.chars().all(|before| of.switches.contains(before)) {
                    return None;
                }
                return Some((program, base(rest.or_else(|| words.next())?)));
            }
            if of.attached.contains(letter) {
                break;
            }
            if of.values.contains(letter) {
                if rest.is_none() {
                    words.next()?;
                }
                break;
            }
        }
        // A single dash is standard input.
        if word == b"-" {
            return None;
        }
    }
    None
}

/// The name of a script, if the argument can be nothing else.
fn found<'a>(of: &Interpreter, word: &'a [u8], is_file: &dyn Fn(&[u8]) -> bool) -> Option<&'a [u8]> {
    let name = base(word);
    let ending = name.rsplit(|byte| *byte == b'.').next().filter(|ending| ending.len() < name.len());
    let is_script = || ending.is_some_and(|ending| of.endings.iter().any(|own| own.as_bytes() == ending));
    let is_class = || {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$' | b'/');
        of.is_class && word.first() != Some(&b'/') && word.iter().all(is_part)
    };
    (!name.is_empty() && (is_script() || is_class() || is_file(word))).then_some(name)
}

fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(line: &str) -> Option<String> {
        let line = line.replace(' ', "\0");
        let found = script(line.as_bytes(), &|path| path == b"./worker");
        found.map(|(program, script)| format!("{program} {}", String::from_utf8_lossy(script)))
    }

    #[test]
    fn behind_a_letter_that_is_not_known_may_be_a_value() {
        for (line, found) in [
            ("python3 -Im venv", Some("python3 venv")),
            ("python3 -mvenv", Some("python3 venv")),
            ("python3 -Am secret", None),
            ("python3 -Amsecret", None),
            ("php -Zf secret", None),
        ] {
            assert_eq!(of(line).as_deref(), found, "{line}");
        }
    }

    #[test]
    fn scripts_modules_and_classes() {
        for (line, wanted) in [
            ("/usr/bin/python3 /srv/app/leak.py --token s3cret", Some("python3 leak.py")),
            ("python3.11 -u -W ignore -X dev leak.py", Some("python3.11 leak.py")),
            ("python3 -um http.server 8000", Some("python3 http.server")),
            ("python3 -m pkg.tool --password x", Some("python3 pkg.tool")),
            ("python3 -c import(os)", None),
            ("python3 -Ic x.py", None),
            ("python3 - x.py", None),
            ("python3", None),
            ("python3 ./worker s3cret", Some("python3 worker")),
            ("python3 s3cret", None),
            ("perl -w -Mstrict -I/lib server.pl", Some("perl server.pl")),
            ("perl -lane print", None),
            ("ruby -r json -Ilib app.rb", Some("ruby app.rb")),
            ("node --max-old-space-size=4096 --require dotenv/config dist/server.js", Some("node server.js")),
            ("node -e s3cret.js", None),
            ("node --eval s3cret.js", None),
            ("bash -eu -o pipefail /opt/run.sh s3cret", Some("bash run.sh")),
            ("sh -c s3cret.sh", None),
            ("/bin/sh ./worker", Some("sh worker")),
            ("bash +o history x.sh", Some("bash x.sh")),
            ("-bash", None),
            ("bash -- ./worker", Some("bash worker")),
            ("php -d memory_limit=1G -f cron.php", Some("php cron.php")),
            ("php8.2 artisan.php queue", Some("php8.2 artisan.php")),
            ("php -r s3cret.php", None),
            (
                "java -Xmx1g -Dpassword=s3cret -cp a.jar:b.jar com.example.Main s3cret",
                Some("java com.example.Main"),
            ),
            ("java -jar /opt/app.jar --key=s3cret", Some("java app.jar")),
            ("java @args -m app/com.example.Main", Some("java com.example.Main")),
            ("dotnet exec app.dll", Some("dotnet app.dll")),
            ("dotnet app.dll s3cret", Some("dotnet app.dll")),
            ("/usr/bin/postgres -D /data", None),
            ("postgres: writer.py", None),
        ] {
            assert_eq!(of(line).as_deref(), wanted, "{line}");
        }
    }

    #[test]
    fn a_process_is_called_by_its_script() {
        let folder = tempfile::tempdir().unwrap();
        let called = |own: &str, line: &str| {
            std::fs::write(folder.path().join("cmdline"), line.replace(' ', "\0")).unwrap();
            name(own.as_bytes(), folder.path()).to_string()
        };
        assert_eq!(called("python3", "python3 /a/leak.py s3cret"), "python3 leak.py");
        assert_eq!(
            called("leak.py", "/usr/bin/python3 ./leak.py"),
            "python3 leak.py",
            "run by its first line"
        );
        assert_eq!(called("MainThread", "node /a/server.js"), "node server.js");
        assert_eq!(called("worker-3", "python3 /a/pool.py"), "worker-3 pool.py", "a name of its own stays");
        assert_eq!(called("postgres", "postgres: writer"), "postgres");
        assert_eq!(called("", ""), "(no name)");
        let long = format!("java a.b.{}Main", "x".repeat(80));
        assert_eq!(called("java", &long).chars().count(), "java ".len() + CELLS);
        assert!(called("java", &long).ends_with("xMain"));
        assert_eq!(
            called("sh", "sh /a/b\u{1b}[2J.sh"),
            "sh b\u{fffd}[2J.sh",
            "it reaches no terminal as it is"
        );
        std::fs::write(folder.path().join("cmdline"), format!("python3\0-W\0{}", "x".repeat(9000))).unwrap();
        assert_eq!(&*name(b"python3", folder.path()), "python3", "an argument that is cut names nothing");
        std::fs::remove_file(folder.path().join("cmdline")).unwrap();
        assert_eq!(&*name(b"kthreadd", folder.path()), "kthreadd");
    }

    proptest! {
        /// Whatever stands behind a script, before it as an option's value, or as code: none of it is shown.
        #[test]
        fn no_other_argument_is_shown(
            at in 0..7_usize,
            secret in "[A-Za-z0-9=:/@-]{1,20}QQQ[A-Za-z0-9=:@]{0,9}",
        ) {
            // What -m and switches before it name is the module, whatever it is called.
            let is_module = secret.strip_prefix('-').and_then(|rest| rest.split_once('m'));
            let is_module = is_module.is_some_and(|(before, _)| before.chars().all(|c| "bBdEiIOPqRsSuvx".contains(c)));
            if at == 5 && is_module {
                return Ok(());
            }
            let line = match at {
                0 => format!("python3\0app.py\0{secret}"),
                1 => format!("python3\0-W\0{secret}\0app.py"),
                2 => format!("bash\0-c\0{secret}"),
                3 => format!("java\0-Dkey={secret}\0-jar\0app.jar\0{secret}"),
                4 => format!("node\0--title={secret}\0app.js\0{secret}"),
                5 => format!("python3\0{secret}"),
                _ => format!("ruby\0-e\0{secret}\0app.rb"),
            };
            let found = script(line.as_bytes(), &|_| false);
            prop_assert!(found.is_none_or(|(_, script)| !script.windows(3).any(|part| part == b"QQQ")));
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0..8_usize) {
            let mut line = INTERPRETERS[at].names[0].as_bytes().to_vec();
            line.push(0);
            line.extend(bytes);
            let _ = script(&line, &|_| true);
        }
    }
}
