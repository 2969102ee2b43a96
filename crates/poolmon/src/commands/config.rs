//! `poolmon config`: where the configuration is, and what can be set.

use poolmon_tui::config;

use crate::app::{say, screen};

/// Prints the defaults; fails if the file that is there is wrong.
pub fn run() -> anyhow::Result<()> {
    let path = config::path(|name| std::env::var_os(name));
    say::answer!("{}", config::Config::defaults(path.as_deref()).trim_end())?;
    screen::config(false).map(drop)
}
