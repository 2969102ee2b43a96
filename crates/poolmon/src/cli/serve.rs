//! `poolmon serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use poolmon_serve::DEFAULT_PORT;

use super::groups::{LocaltagArgs, PooltagArgs};
use super::values;

// Options of `serve`.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER)]
pub struct ServeArgs {
    /// Where to listen; repeatable [default: 127.0.0.1:17665]
    #[arg(long = "web.listen-address", visible_alias = "listen", value_name = "ADDRESS:PORT", value_parser = address)]
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
Others than this machine can ask only with a token.

  poolmon serve
  poolmon serve --from recording
  poolmon serve --listen 0.0.0.0:17665 --token-file /etc/poolmon/tokens --record /var/lib/poolmon";

/// `127.0.0.1:17665`, `[::1]:17665`, `127.0.0.1`, or `:17665` as exporters take it: on all addresses.
fn address(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    let all = port.map(|port| format!("0.0.0.0:{port}"));
    let text = all.as_deref().unwrap_or(text);
    let of_ip = || Some(SocketAddr::new(text.trim_matches(['[', ']']).parse().ok()?, DEFAULT_PORT));
    let local = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let found = local.as_deref().unwrap_or(text).parse().ok().or_else(of_ip);
    found.ok_or_else(|| format!("`{text}` is not an address with a port, such as 127.0.0.1:{DEFAULT_PORT}"))
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_as_they_are_typed() {
        let of = |text: &str| address(text).map(|address| address.to_string());
        for (text, expected) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            (":9100", "0.0.0.0:9100"),
            ("[::1]:9100", "[::1]:9100"),
            ("::1", "[::1]:17665"),
            ("10.0.0.1", "10.0.0.1:17665"),
            ("localhost:0", "127.0.0.1:0"),
        ] {
            assert_eq!(of(text).as_deref(), Ok(expected), "{text}");
        }
        assert!(of("example.org:80").unwrap_err().contains("127.0.0.1:17665"));
        assert!(of("127.0.0.1:99999").is_err());
    }
}
