//! How a command that needs root's rights is printed: as the reader can run it.

use std::sync::OnceLock;

/// How this machine gives rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// With `sudo`.
    Sudo,
    /// They are there already.
    Root,
    /// Without `sudo`: with `su`.
    Su,
}

static FINDER: OnceLock<fn() -> Rights> = OnceLock::new();

static RIGHTS: OnceLock<Rights> = OnceLock::new();

/// Commands are printed for the rights that this finds. It is called when the first of them is printed, as most runs print none and it
/// looks through folders. Without it, with `sudo`. The first finder that is set counts.
pub fn find_with(finder: fn() -> Rights) {
    let _ = FINDER.set(finder);
}

/// A command that needs root's rights, as it can be run here. Its first word may be `poolmon`: root may not find that name.
pub fn as_root(command: &str) -> String {
    here().command(command)
}

/// The same line with another command in the place of the one that begins with these words and ends it.
pub fn with_command(line: &str, words: &str, command: &str) -> String {
    here().with_command(line, words, command)
}

fn here() -> Rights {
    *RIGHTS.get_or_init(|| FINDER.get().map_or(Rights::Sudo, |find| find()))
}

impl Rights {
    fn with_command(self, line: &str, words: &str, command: &str) -> String {
        // The rights are part of what is replaced: they may end behind the command.
        let whole = self.command(words);
        let begin = whole.trim_end_matches('\'');
        match line.find(begin) {
            Some(at) => format!("{}{}", line.get(..at).unwrap_or_default(), self.command(command)),
            None => line.to_owned(),
        }
    }

    /// The same with these.
    pub fn command(self, command: &str) -> String {
        self.command_of(crate::shell::program(), command)
    }

    fn command_of(self, program: &str, command: &str) -> String {
        let rest = command.strip_prefix("poolmon").filter(|rest| rest.is_empty() || rest.starts_with(' '));
        // Root who runs this finds it.
        let whole = rest.filter(|_| self != Self::Root).map(|rest| format!("{program}{rest}"));
        let command = whole.as_deref().unwrap_or(command);
        match self {
            Self::Sudo => format!("sudo {command}"),
            Self::Root => command.to_owned(),
            Self::Su => format!("su -c '{}'", command.replace('\'', r"'\''")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_run_as_it_is_printed() {
        let all = |command| [Rights::Sudo, Rights::Root, Rights::Su].map(|rights| rights.command(command));
        assert_eq!(
            all("poolmon trace x"),
            ["sudo poolmon trace x", "poolmon trace x", "su -c 'poolmon trace x'"]
        );
        assert_eq!(Rights::Su.command("poolmon trace 'a b'"), r"su -c 'poolmon trace '\''a b'\'''");
        assert_eq!(as_root("x"), "sudo x");
        let own = |rights: Rights, command| rights.command_of("/home/me/poolmon", command);
        assert_eq!(own(Rights::Su, "poolmon top -H"), "su -c '/home/me/poolmon top -H'");
        assert_eq!(own(Rights::Sudo, "poolmon"), "sudo /home/me/poolmon");
        assert_eq!(own(Rights::Sudo, "poolmonitor"), "sudo poolmonitor");
        assert_eq!(own(Rights::Root, "poolmon"), "poolmon");
        for rights in [Rights::Sudo, Rights::Root, Rights::Su] {
            let line = |command| format!("run as root: {}", rights.command(command));
            let own = "poolmon trace 'a b' --for 10s";
            assert_eq!(rights.with_command(&line("poolmon trace ..."), "poolmon trace", own), line(own));
            assert_eq!(rights.with_command("mount it", "poolmon trace", own), "mount it");
        }
    }
}
