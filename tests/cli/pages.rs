//! Help, completions and man pages: all from the same definitions.

use crate::{stdout_of, text};

#[test]
fn help_texts() {
    insta::assert_snapshot!("help", stdout_of(&["--help"]));
    insta::assert_snapshot!("help_top", stdout_of(&["top", "--help"]));
    for command in ["record", "export", "import"] {
        insta::assert_snapshot!(format!("help_{command}"), stdout_of(&[command, "--help"]));
    }
    insta::assert_snapshot!("help_dump", stdout_of(&["dump", "--help"]));
}

#[test]
fn completions_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = stdout_of(&["completions", shell]);
        assert!(script.contains("include") && script.contains("demo"), "{shell}");
    }
}

#[test]
fn man_pages_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    stdout_of(&["man", folder.path().to_str().unwrap()]);
    for page in ["poolmon.1", "poolmon-top.1", "poolmon-live.1", "poolmon-demo.1"] {
        let page = folder.path().join(page);
        assert!(text(&std::fs::read(&page).unwrap()).contains(".TH"), "{}", page.display());
    }
}
