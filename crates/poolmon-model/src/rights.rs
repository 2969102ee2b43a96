//! How a command that needs root's rights is printed: as the reader can run it.

use std::sync::atomic::{AtomicU8, Ordering};

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

static RIGHTS: AtomicU8 = AtomicU8::new(0);

/// From now on, commands are printed for these. Without it, with `sudo`.
pub fn set(rights: Rights) {
    RIGHTS.store(rights as u8, Ordering::Relaxed);
}

/// A command that needs root's rights, as it can be run here.
pub fn as_root(command: &str) -> String {
    match RIGHTS.load(Ordering::Relaxed) {
        1 => command.to_owned(),
        2 => Rights::Su.command(command),
        _ => Rights::Sudo.command(command),
    }
}

impl Rights {
    /// The same with these.
    pub fn command(self, command: &str) -> String {
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
    }
}
