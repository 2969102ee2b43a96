//! `poolmon serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::groups::{LocaltagArgs, PooltagArgs};
use super::values;

// Options of `serve`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER)]
pub struct ServeArgs {
    /// Where to listen; repeatable [default: 127.0.0.1:17665]
    #[arg(long = "web.listen-address", visible_alias = "listen", value_name = "ADDRESS:PORT", value_parser = poolmon_serve::address)]
    pub listen: Vec<SocketAddr>,
    /// Serve a recording, a log or a dump instead of this machine; `demo` serves a simulated kernel
    #[arg(long, value_name = "FILE|DIR|demo")]
    pub from: Vec<PathBuf>,
    /// Time between two samples (100ms to 1h)
    #[arg(long, value_name = "TIME", value_parser = values::interval, default_value = "5s", conflicts_with = "from")]
    pub interval: Duration,
    /// Also record into this folder, as `poolmon record` does
    #[arg(long, value_name = "DIR", conflicts_with = "from")]
    pub record: Option<PathBuf>,
    /// Ask for one of the tokens in FILE, one a line: `Authorization: Bearer TOKEN`, or as the password of any user
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// TLS, client certificates and users from FILE, as Prometheus' exporters have them (exporter-toolkit)
    #[arg(long = "web.config.file", visible_alias = "web-config", value_name = "FILE")]
    pub web: Option<PathBuf>,
    /// A name by which the server is asked, besides localhost, this machine's name and addresses; repeatable
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,
    /// The N largest tags get metrics of their own, besides every suspect; the rest is summed as `other`
    #[arg(long, value_name = "N", default_value = "50")]
    pub top: usize,
    /// Metrics: at most N series of tags; `poolmon_series_dropped` counts the rest
    #[arg(long, value_name = "N", default_value = "2000")]
    pub max_series: usize,
    #[command(flatten)]
    pub pooltag: PooltagArgs,
    #[command(flatten)]
    pub localtag: LocaltagArgs,
}

const AFTER: &str = "\
The page is at /, metrics for Prometheus at /metrics, the API at /api/v1/openapi.json, health at /-/healthy and /-/ready.
Others than this machine can ask only with a token, a password or a certificate.

  poolmon serve
  poolmon serve --from recording
  poolmon serve --listen 0.0.0.0:17665 --token-file /etc/poolmon/tokens --record /var/lib/poolmon";
