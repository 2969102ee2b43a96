//! The man pages: sections that readers look for, and examples that the program takes.

use std::fs;
use std::process::Command;

use crate::POOLMON;

#[test]
fn pages_have_examples_files_and_exit_status_and_examples_have_options_that_exist() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| Command::new(POOLMON).args(args).output().unwrap();
    assert!(run(&["man", folder.path().to_str().unwrap()]).status.success());
    let mut examples = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let page = fs::read_to_string(&path).unwrap();
        assert!(page.contains(".SH EXIT STATUS\n.TP\n\\fB0\\fR\n"), "{name}");
        assert!(!page.contains(".SH EXTRA") && !page.contains("Exit codes:"), "{name}");
        if ["poolmon", "poolmon-record", "poolmon-who"].contains(&&*name) {
            assert!(page.contains("\n.SH EXAMPLES\n") && page.contains("\n.SH FILES\n"), "{name}");
        }
        let lines = page.lines().filter(|line| line.starts_with("poolmon "));
        for line in lines.map(|line| line.replace("\\-", "-")) {
            examples += 1;
            let words: Vec<&str> = line.split(' ').skip(1).collect();
            let command: Vec<&str> = name.split('-').skip(1).collect();
            let own = words.iter().take(command.len()).eq(command.iter());
            // What opens a file has no command.
            if !own || command.is_empty() {
                continue;
            }
            let help = run(&[command.as_slice(), &["--help"]].concat());
            let help = String::from_utf8(help.stdout).unwrap();
            for option in words.iter().filter(|word| word.starts_with('-') && word.len() > 1) {
                assert!(help.contains(option), "{name}: {line}: {option}");
            }
        }
    }
    assert!(examples > 30, "{examples}");
}
