//! `poolmon demo`: the same screen over a simulated Windows kernel.

use poolmon_model::column;

use crate::app::outcome::Outcome;
use crate::app::{owners, screen, simulated};
use crate::cli::live::LiveArgs;

/// Shows the simulated kernel; every output of it says that it is simulated.
pub fn run(args: &LiveArgs) -> anyhow::Result<Outcome> {
    anyhow::ensure!(
        args.from.is_none() && args.history.is_none(),
        "the demo shows a simulated kernel; use `poolmon live` with --from or --history"
    );
    let (source, file) = simulated::source();
    let owners = owners::load(&args.rows)?.with(file);
    screen::show(args, Box::new(source), &column::BYTES, owners)
}
