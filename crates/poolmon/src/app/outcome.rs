//! How a command ends: the exit codes, in one table that the program, its help and the README share.

use std::process::ExitCode;

/// How a command ended, everything having been said. An error that is still to be said is an `Err`, and [`Failed`].
///
/// [`Failed`]: Outcome::Failed
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it was done.
    Done,
    /// Something failed, is missing or was not found.
    Failed,
    /// The arguments cannot mean anything.
    Usage,
    /// What `--fail-on` asks for was found.
    Found,
    /// Stopped by the user.
    Interrupted,
}

impl Outcome {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 5] = [Self::Done, Self::Failed, Self::Usage, Self::Found, Self::Interrupted];

    /// [`Done`](Self::Done), or else [`Failed`](Self::Failed).
    pub const fn done_if(done: bool) -> Self {
        if done { Self::Done } else { Self::Failed }
    }

    /// [`Found`](Self::Found), or else [`Done`](Self::Done).
    pub const fn found_if(found: bool) -> Self {
        if found { Self::Found } else { Self::Done }
    }

    /// The same, or [`Interrupted`](Self::Interrupted) if all went well up to the interrupt: what `--fail-on` found counts more.
    pub const fn if_not(self, interrupted: bool) -> Self {
        match self {
            Self::Done if interrupted => Self::Interrupted,
            other => other,
        }
    }

    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Found => 3,
            // As a shell reports a program that SIGINT ended.
            Self::Interrupted => 130,
        }
    }

    /// What the code means.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "something failed, is missing or was not found; see the message",
            Self::Usage => "wrong arguments",
            Self::Found => "`--fail-on` or `--fail-on-loss` found something",
            Self::Interrupted => "interrupted; results so far are shown",
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(outcome.code())
    }
}

/// The paragraph of the help on exit codes; `own` holds what a command means by them, instead of the general words.
pub fn help(own: &[(Outcome, &str)]) -> String {
    let line = |outcome: Outcome| {
        let own = own.iter().find(|(other, _)| *other == outcome).map(|&(_, about)| about);
        let always = matches!(outcome, Outcome::Done | Outcome::Failed | Outcome::Usage) || own.is_some();
        always.then(|| format!("{} {}", outcome.code(), own.unwrap_or(outcome.about())))
    };
    let codes: Vec<String> = Outcome::ALL.into_iter().filter_map(line).collect();
    format!("Exit codes: {}.", codes.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_has_the_same_table() {
        let readme =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
        let (_, section) = readme.split_once("## Exit codes").expect("a section on exit codes");
        let section = section.split("\n## ").next().unwrap_or_default();
        let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        let table: Vec<String> = Outcome::ALL
            .iter()
            .map(|outcome| format!("| {} | {} |", outcome.code(), outcome.about()))
            .collect();
        assert_eq!(rows, table, "README, section Exit codes");
    }

    #[test]
    fn an_interrupt_hides_neither_a_finding_nor_a_failure() {
        assert_eq!(Outcome::Done.if_not(true), Outcome::Interrupted);
        assert_eq!(Outcome::Done.if_not(false), Outcome::Done);
        for other in [Outcome::Found, Outcome::Failed] {
            assert_eq!(other.if_not(true), other);
        }
    }

    #[test]
    fn a_command_may_use_its_own_words() {
        assert_eq!(
            help(&[(Outcome::Failed, "stopped before"), (Outcome::Found, "something leaks")]),
            "Exit codes: 0 done; 1 stopped before; 2 wrong arguments; 3 something leaks."
        );
    }
}
