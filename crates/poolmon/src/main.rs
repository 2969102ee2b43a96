//! The program: arguments → a command → calls into the crates.
//!
//! * `cli/`: the command line;
//! * `input/`: this machine or files as samples;
//! * `commands/`: one file a command; `app/`: what they share.
//!
//! Exit codes: 0 done (a closed pipe is success), 1 failed, 2 wrong arguments.
#![forbid(unsafe_code)]

mod app;
mod cli;
mod commands;
mod input;

use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match cli::from_env() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, with exit code 0.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        // Everything was said already.
        Err(error) if error.is::<Exit>() => {
            ExitCode::from(error.downcast_ref::<Exit>().map_or(1, |exit| exit.0))
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "poolmon: {}", told_once(&error));
            ExitCode::FAILURE
        }
    }
}

/// The end of a command that said everything itself and ends with this exit code.
#[derive(Clone, Copy, Debug)]
pub struct Exit(pub u8);

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {}", self.0)
    }
}

impl std::error::Error for Exit {}

/// The error and its causes; a cause that a message names already is not said twice.
fn told_once(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |mut text, cause| {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text.extend([": ", &cause]);
        }
        text
    })
}

/// Whoever read our output has seen enough (`poolmon top | head`).
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        // Wine answers with ERROR_PIPE_NOT_CONNECTED, which has no kind of its own.
        .any(|error| {
            error.kind() == io::ErrorKind::BrokenPipe || (cfg!(windows) && error.raw_os_error() == Some(233))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let cause = io::Error::other("no such thing");
        let error = anyhow::Error::new(cause).context("cannot open x: no such thing").context("cannot read");
        assert_eq!(told_once(&error), "cannot read: cannot open x: no such thing");
    }
}
