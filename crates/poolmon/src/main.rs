//! The program: arguments → a command → calls into the crates.
//!
//! * `cli/`: the command line;
//! * `input/`: this machine or files as samples;
//! * `commands/`: one file a command; `app/`: what they share, [`app::outcome`] the exit codes among it.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]

mod app;
mod cli;
mod commands;
mod input;

use std::io;
use std::process::ExitCode;

use app::outcome::Outcome;
use app::say;

fn main() -> ExitCode {
    // Before anything asks for the zone: times on the command line do.
    if let Err(error) = poolmon_read::check_zone() {
        say::error(&error.into());
        return Outcome::Failed.into();
    }
    let cli = match cli::from_env() {
        Ok(cli) => cli,
        Err(error) => {
            if let Err(error) = say::usage(&error).map_err(anyhow::Error::from)
                && !is_closed_pipe(&error)
            {
                say::error(&error.context("cannot write to standard output"));
                return Outcome::Failed.into();
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Outcome::Usage.code()));
        }
    };
    say::quiet(cli.quiet);
    say::set_color(cli.color);
    poolmon_print::delimited::raw(cli.raw);
    input::order_dates(cli.dates);
    poolmon_model::rights::find_with(poolmon_source::rights::find);
    let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    poolmon_model::shell::called(&poolmon_source::rights::program(), words);
    let outcome = commands::run(cli).unwrap_or_else(|error| {
        if is_closed_pipe(&error) {
            return Outcome::Done;
        }
        let full = error.downcast_ref().is_some_and(|io: &io::Error| io.kind() == io::ErrorKind::StorageFull);
        // Files are named by those that write them; what names nothing was on its way to standard output.
        let bare = full && error.chain().count() == 1;
        say::error(&if bare { error.context("cannot write to standard output") } else { error });
        Outcome::Failed
    });
    outcome.into()
}

/// The reader of our output has seen enough (`poolmon top | head`).
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        // Wine answers with ERROR_PIPE_NOT_CONNECTED, which has no kind of its own.
        .any(|error| {
            error.kind() == io::ErrorKind::BrokenPipe || (cfg!(windows) && error.raw_os_error() == Some(233))
        })
}
