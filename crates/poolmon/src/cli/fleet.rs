//! `poolmon fleet`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values;
use crate::app::outcome::{self, Outcome};

// Options of `fleet`.
#[derive(Debug, Clone, Args)]
#[command(after_help = after(), group = clap::ArgGroup::new("what").required(true))]
pub struct FleetArgs {
    /// A folder with a recording or a folder of logs for each host
    #[arg(group = "what", value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Address of the engine: Prometheus, VictoriaMetrics, Thanos, Mimir; `http://HOST:9090`
    #[arg(long, group = "what")]
    pub url: Option<String>,
    /// How long to look back
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = window)]
    pub over: Duration,
    /// Look back from this moment instead of from now (2026-11-30T12:00Z)
    #[arg(long, value_name = "TIME")]
    pub at: Option<jiff::Timestamp>,
    /// Only series with these labels, as PromQL writes them ('job="windows",site=~"eu.*"')
    #[arg(long, value_name = "MATCHERS", default_value = "")]
    pub r#match: String,
    /// The label that names a host
    #[arg(long, value_name = "LABEL", default_value = "instance")]
    pub host_label: String,
    /// Series in one question; a larger fleet is asked in parts
    #[arg(long, value_name = "N", default_value = "30000", value_parser = clap::value_parser!(u64).range(1..))]
    pub part: u64,
    /// Judge the points of at most N candidates
    #[arg(long, value_name = "N", default_value = "500")]
    pub most: usize,
    /// List hosts where a tag leaks at least this surely
    #[arg(long, value_name = "LEVEL", default_value = "likely", value_parser = ["leak", "likely", "possible"])]
    pub least: String,
    /// Send a header with each question ('X-Scope-OrgID: team'); repeatable
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    pub header: Vec<(String, String)>,
    /// A file that holds a token, sent as Authorization: Bearer
    #[arg(long, value_name = "FILE", conflicts_with = "user")]
    pub bearer_file: Option<PathBuf>,
    /// Log in as this user
    #[arg(long, value_name = "NAME", requires = "password_file")]
    pub user: Option<String>,
    /// A file that holds the user's password
    #[arg(long, value_name = "FILE", requires = "user")]
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) that sign the engine's, instead of those that this system trusts
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Give up on a question after this time
    #[arg(long, value_name = "SPAN", default_value = "2m", value_parser = values::span)]
    pub timeout: Duration,
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "text", value_parser = ["text", "json"])]
    pub format: String,
    /// Exit with code 3 if a tag leaks on a host, or is at least this likely to
    #[arg(long, value_name = "LEVEL", value_parser = ["leak", "likely", "possible"])]
    pub fail_on: Option<String>,
}

fn after() -> String {
    outcome::help(&[(Outcome::Found, "--fail-on found something")])
}

/// An hour at least: of less, there are no floors to compare.
fn window(text: &str) -> Result<Duration, String> {
    let window = values::span(text)?;
    let range = Duration::from_hours(1)..=Duration::from_hours(24 * 100);
    if range.contains(&window) { Ok(window) } else { Err(format!("`{text}` is out of range: 1h to 100d")) }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is NAME: VALUE")?;
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !is_name(name) || value.contains(char::is_control) {
        return Err("a header is NAME: VALUE, in one line".to_owned());
    }
    Ok((name.to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_one_line() {
        assert_eq!(header("X-Scope-OrgID: a"), Ok(("X-Scope-OrgID".into(), "a".into())));
        for wrong in ["X", ": a", "X Y: a", "X: a\r\nY: b"] {
            assert!(header(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn windows_are_at_least_an_hour() {
        assert_eq!(window("24h"), Ok(Duration::from_hours(24)));
        assert!(window("5m").unwrap_err().contains("1h to 100d"));
    }
}
