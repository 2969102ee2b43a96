//! `poolmon fleet`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use poolmon_fleet::typed;
use poolmon_read::moment;

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
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = typed::window, conflicts_with = "folder")]
    pub over: Duration,
    /// Look back from this time instead of from now: 2026-11-30 12:00, 14:05, -2h
    #[arg(long, value_name = "TIME", value_parser = moment::past, allow_hyphen_values = true, conflicts_with = "folder")]
    pub at: Option<Timestamp>,
    /// Only series with these labels, as PromQL writes them ('job="windows",site=~"eu.*"')
    #[arg(long, value_name = "MATCHERS", default_value = "", conflicts_with = "folder")]
    pub r#match: String,
    /// The label that names a host
    #[arg(long, value_name = "LABEL", default_value = "instance", conflicts_with = "folder")]
    pub host_label: String,
    /// Series in one question; a larger fleet is asked in parts
    #[arg(long, value_name = "N", default_value = "30000", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "folder")]
    pub part: u64,
    /// Judge the points of at most N candidates
    #[arg(long, value_name = "N", default_value = "500", conflicts_with = "folder")]
    pub most: usize,
    /// List hosts where a tag leaks at least this surely
    #[arg(long, value_name = "LEVEL", default_value = "likely", value_parser = ["leak", "likely", "possible"])]
    pub least: String,
    /// Send a header with each question ('X-Scope-OrgID: team'); repeatable
    #[arg(long, value_name = "NAME: VALUE", value_parser = typed::header, conflicts_with = "folder")]
    pub header: Vec<(String, String)>,
    /// A file that holds a token, sent as Authorization: Bearer
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user", "folder"])]
    pub bearer_file: Option<PathBuf>,
    /// Log in as this user
    #[arg(long, value_name = "NAME", requires = "password_file", conflicts_with = "folder")]
    pub user: Option<String>,
    /// A file that holds the user's password
    #[arg(long, value_name = "FILE", requires = "user", conflicts_with = "folder")]
    pub password_file: Option<PathBuf>,
    /// Certificates (PEM) that sign the engine's, instead of those that this system trusts
    #[arg(long, value_name = "FILE", conflicts_with = "folder")]
    pub ca: Option<PathBuf>,
    /// Give up on a question after this time
    #[arg(long, value_name = "SPAN", default_value = "2m", value_parser = values::span, conflicts_with = "folder")]
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
