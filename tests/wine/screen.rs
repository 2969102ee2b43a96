//! The live screen of `poolmon.exe` in tmux: keys, sorts, changes over a sequence of tables, failures, the end.

use std::fs;

use crate::script::{Figures, Script};
use crate::terminal::Terminal;
use crate::wine::Wine;

/// Rows of the table by tag, in the order of the screen.
fn tags(screen: &str) -> Vec<&str> {
    // Neither the footer's line of what no tag accounts for is a row, nor the title of the pools' curves.
    let of_pool = |line: &str| line.contains(" Nonp ") || line.contains(" Paged ");
    let row = |line: &&str| {
        of_pool(line) && !["(no tag)", "Paged pool", "■"].iter().any(|other| line.contains(other))
    };
    screen.lines().filter(row).filter_map(|line| line.split_whitespace().next()).collect()
}

/// The numbers of the row of a tag, thousands' separators left out.
fn numbers(screen: &str, tag: &str) -> Vec<i64> {
    let line = screen.lines().find(|line| line.split_whitespace().next() == Some(tag)).unwrap_or_default();
    let plain = line.replace([',', '(', ')', '+'], " ");
    plain.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

const FIRST: [([u8; 4], Figures); 3] = [
    (*b"Aaaa", [0, 0, 0, 1000, 900, 6400]),
    (*b"Bbbb", [0, 0, 0, 500, 100, 812]),
    (*b"Cccc", [70, 20, 999_312, 0, 0, 0]),
];
/// Bbbb leaks, Cccc is gone, Dddd is new.
const SECOND: [([u8; 4], Figures); 3] = [
    (*b"Aaaa", [0, 0, 0, 1003, 903, 6400]),
    (*b"Bbbb", [0, 0, 0, 737, 114, 82_345]),
    (*b"Dddd", [11, 0, 4321, 0, 0, 0]),
];

#[test]
fn keys_sorts_changes_and_the_end() {
    let Some(wine) = Wine::ready() else { return };
    let Some(terminal) = Terminal::open() else { return };
    let go = wine.folder.join("go");
    let script = Script::new().table(&FIRST).hold(&go).table(&SECOND);
    terminal.run(&wine.shell_line(&script, "--interval 300ms --no-config"));

    terminal.wait("the first table, sorted by tag as in PoolMon", |screen| {
        let figures = numbers(screen, "Cccc");
        tags(screen) == ["Aaaa", "Bbbb", "Cccc"]
            && [70, 20, 50, 999_312].iter().all(|figure| figures.contains(figure))
    });

    terminal.keys(&["b"]);
    terminal.wait("sorted by bytes", |screen| tags(screen) == ["Cccc", "Aaaa", "Bbbb"]);
    terminal.keys(&["p"]);
    terminal.wait("nonpaged only", |screen| tags(screen) == ["Aaaa", "Bbbb"]);
    terminal.keys(&["P", "P"]);
    terminal.wait("both pools", |screen| tags(screen).len() == 3);

    // From here on changes are those since this moment.
    terminal.keys(&["="]);
    terminal.wait("the baseline", |screen| screen.to_lowercase().contains("baseline"));
    fs::write(&go, "").expect("the signal");
    terminal.wait("the second table's figures and changes, and a tag that appears marked as new", |screen| {
        let figures = numbers(screen, "Bbbb");
        [737, 237, 114, 14, 623, 223, 82_345, 81_533].iter().all(|figure| figures.contains(figure))
            && tags(screen).contains(&"+Dddd")
    });

    terminal.keys(&["q"]);
    terminal.wait("the end", |screen| screen.contains("code=0"));
}

#[test]
fn a_failed_refresh_leaves_the_screen_running_and_says_so() {
    let Some(wine) = Wine::ready() else { return };
    let Some(terminal) = Terminal::open() else { return };
    let (fail, heal) = (wine.folder.join("fail"), wine.folder.join("heal"));
    let script = Script::new().table(&FIRST).hold(&fail);
    let script = script.line("table").line("status c0000022").hold(&heal).table(&SECOND);
    terminal.run(&wine.shell_line(&script, "--interval 300ms --no-config"));
    terminal.wait("the first table", |screen| tags(screen).len() == 3);
    fs::write(&fail, "").expect("the signal");
    terminal.wait("the failure, and the old rows stay", |screen| {
        screen.to_lowercase().contains("c0000022") && tags(screen) == ["Aaaa", "Bbbb", "Cccc"]
    });
    fs::write(&heal, "").expect("the signal");
    terminal
        .wait("new rows", |screen| numbers(screen, "Bbbb").contains(&82_345) && !screen.contains("c0000022"));
    terminal.keys(&["q"]);
    terminal.wait("the end", |screen| screen.contains("code=0"));
}

#[test]
fn keys_work_while_a_call_takes_three_seconds() {
    let Some(wine) = Wine::ready() else { return };
    let Some(terminal) = Terminal::open() else { return };
    let slow = wine.folder.join("slow");
    let script = Script::new().table(&FIRST).hold(&slow).table(&SECOND).line("sleep 3000");
    terminal.run(&wine.shell_line(&script, "--interval 300ms --no-config"));
    terminal.wait("the first table", |screen| tags(screen).len() == 3);
    fs::write(&slow, "").expect("the signal");
    terminal.keys(&["b"]);
    terminal.wait("sorted by bytes", |screen| tags(screen).len() == 3 && tags(screen)[0] != "Aaaa");
    terminal.wait("the second table", |screen| numbers(screen, "Bbbb").contains(&82_345));
    terminal.keys(&["q"]);
    terminal.wait("the end", |screen| screen.contains("code=0"));
}
