//! Help, completions and man pages: all from the same definitions.

use std::process::Command;

use crate::{POOLMON, stdout_of, text};

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

#[test]
fn the_configuration_is_printed_and_what_is_wrong_in_it_is_said() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("poolmon").join("config.toml");
    let run = |args: &[&str]| {
        let names = ["XDG_CONFIG_HOME", "APPDATA"].map(|name| (name, home.path()));
        Command::new(POOLMON).args(args).envs(names).output().unwrap()
    };
    let first = run(&["config"]);
    assert!(first.status.success(), "{}", text(&first.stderr));
    let defaults = text(&first.stdout);
    assert!(defaults.starts_with(&format!("# {}\n", file.display())), "{defaults}");
    assert!(defaults.contains("#theme = \"auto\"\n") && defaults.contains("#[keys]\n"), "{defaults}");
    std::fs::create_dir(file.parent().unwrap()).unwrap();
    // What is printed is a configuration that changes nothing.
    std::fs::write(&file, &defaults).unwrap();
    assert_eq!(text(&run(&["config"]).stdout), defaults);
    std::fs::write(&file, "theme = \"dark\"\nsort = \"weight\"\n").unwrap();
    let wrong = run(&["config"]);
    assert_eq!((wrong.status.code(), text(&wrong.stdout)), (Some(1), defaults));
    let said = text(&wrong.stderr);
    let begin = format!("poolmon: {}:2: `sort`: `weight` is not a column; there are tag, ", file.display());
    assert!(
        said.starts_with(&begin) && said.ends_with("leave the file out: poolmon --no-config\n"),
        "{said}"
    );
    // It is the screen's: what prints does not ask it.
    assert!(run(&["top", "--help"]).status.success());
}
