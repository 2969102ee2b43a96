#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! Data passes in one direction:
//!
//! 1. `feed.rs`: a thread takes samples and publishes each as a `Moment`; `judged.rs`: the series and its verdicts;
//! 2. `rows.rs`: a sample's rows as the server shows them, each name once; `unwrap.rs`: 32-bit counters as 64-bit ones;
//!    `floor.rs`: lowest values of an hour; `choose.rs`: which rows are worth a series;
//! 3. `metrics.rs`: `/metrics`; `api/`: JSON documents; `page.rs`: the page, embedded;
//! 4. `guard.rs`: who may ask what, and the headers of every answer; `token.rs`, `users.rs`: secrets; `web/`: `--web.config.file`;
//!    `tls.rs`: encrypted connections;
//! 5. `address.rs`: where to listen; `listen.rs`: connections: how many, how long, how slow; `server.rs`: all of it together.
#![deny(clippy::print_stderr, clippy::print_stdout)]
#![forbid(unsafe_code)]

mod address;
mod api;
mod choose;
mod feed;
mod floor;
mod guard;
mod judged;
mod listen;
mod metrics;
mod moment;
mod page;
mod past;
mod process;
mod rows;
mod server;
mod slow;
#[cfg(not(windows))]
mod tls;
#[cfg(windows)]
#[path = "tls_none.rs"]
mod tls;
mod token;
mod unwrap;
mod users;
mod web;

pub use address::address;
pub use feed::{Feed, Live, Saved};
pub use guard::HostNames;
pub use server::{DEFAULT_PORT, ServeConfig, ServeEvent, Server};
pub use token::Tokens;
pub use web::{Problem as WebProblem, WebConfig, WebFile};

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use poolmon_model::problem::Remedy;
use poolmon_read::ReadError;
use poolmon_source::SourceError;

/// The server could not begin, or ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The first sample failed.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The address is in use, or not of this machine.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, #[source] io::Error),
    /// Others can reach the address, and nothing would keep them out.
    #[error(
        "{0} can be reached from other machines, and there is neither a --token-file nor a --web.config.file with users or certificates"
    )]
    Open(SocketAddr),
    /// The file of tokens cannot be used.
    #[error("{}: {problem}", .path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The `--web.config.file`, or what it names, cannot be used.
    #[error("{}: {}{problem}", .path.display(), in_line(*.line))]
    Web {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: Option<usize>,
        /// What is wrong with it.
        problem: String,
    },
    /// The system lacks what the server needs: threads, timers.
    #[error("cannot start the server: {0}")]
    Start(#[source] io::Error),
}

impl Remedy for ServeError {
    fn remedy(&self) -> Option<String> {
        match self {
            Self::Source(error) => error.remedy(),
            Self::Read(error) => error.remedy(),
            Self::Listen(address, error) if error.kind() == io::ErrorKind::AddrInUse => Some(format!(
                "choose another port: --listen {}:{}",
                host(address),
                address.port().wrapping_add(1).max(1024)
            )),
            Self::Listen(address, error) if error.kind() == io::ErrorKind::PermissionDenied => Some(format!(
                "choose a port that needs no rights, 1024 or above: --listen {}:{DEFAULT_PORT}",
                host(address)
            )),
            Self::Listen(address, _) => {
                Some(format!("name an address of this machine: --listen 127.0.0.1:{}", address.port()))
            }
            Self::Open(address) => Some(format!(
                "write a secret of 16 characters or more into a file that only you can read, and add --token-file FILE; or listen on \
                 this machine alone: --listen 127.0.0.1:{}",
                address.port()
            )),
            Self::Token { .. } => Some(
                "write one token a line, of 16 characters or more, into a file that only its owner can read"
                    .to_owned(),
            ),
            Self::Web { .. } => Some("see docs/guide/serve.md for the keys that are understood".to_owned()),
            Self::Start(_) => None,
        }
    }
}

fn in_line(line: Option<usize>) -> String {
    line.map(|line| format!("line {line}: ")).unwrap_or_default()
}

fn host(address: &SocketAddr) -> String {
    match address {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    }
}
