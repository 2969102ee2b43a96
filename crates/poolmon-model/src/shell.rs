//! Commands that are printed, as a person can type them.

use std::sync::OnceLock;

pub use crate::problem::{shell_path as path, shell_word as word};

/// How this program was called.
struct Called {
    program: String,
    arguments: Vec<String>,
}

static CALLED: OnceLock<Called> = OnceLock::new();

/// Says how this program was called: the word that calls it with other rights, too, and its arguments. The first call counts.
pub fn called(program: &str, arguments: impl IntoIterator<Item = String>) {
    let arguments = arguments.into_iter().map(|argument| word(&argument)).collect();
    let _ = CALLED.set(Called { program: word(program), arguments });
}

/// The word that calls this program: `poolmon`, or its path where that name is not found.
pub(crate) fn program() -> &'static str {
    CALLED.get().map_or("poolmon", |called| &called.program)
}

/// The command that runs now, for [`as_root`](crate::rights::as_root).
pub fn this_command() -> String {
    let arguments = CALLED.get().map(|called| called.arguments.as_slice()).unwrap_or_default();
    std::iter::once("poolmon").chain(arguments.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
}

#[cfg(all(test, not(windows)))]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn words_are_quoted_where_a_shell_would_read_them_otherwise() {
        for (plain, quoted) in [
            ("a/b-c.log", "a/b-c.log"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("Ntf*", "'Ntf*'"),
            ("$x", "'$x'"),
            ("", "''"),
        ] {
            assert_eq!(word(plain), quoted);
        }
        assert_eq!(path(Path::new("/srv/my logs")), "'/srv/my logs'");
        assert_eq!(this_command(), "poolmon", "unknown: the program alone");
    }
}
