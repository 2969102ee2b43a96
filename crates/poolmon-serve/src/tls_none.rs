//! Systems on which this program has no TLS for servers: rustls would be a megabyte more in the executable.

use std::convert::Infallible;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::slow::Patient;
use crate::web::{Pem, TlsSection};

/// There is none.
pub type Encrypted = Patient;

/// There is none.
#[derive(Clone)]
pub struct Tls(Infallible);

impl Tls {
    /// Refuses.
    pub fn new(_: &TlsSection, _: &mut impl FnMut(&Pem) -> Result<Vec<u8>, String>) -> Result<Self, String> {
        Err("`tls_server_config` is not supported on Windows: listen on 127.0.0.1, and put a reverse proxy with TLS before it"
            .to_owned())
    }

    /// Cannot happen.
    #[expect(clippy::unused_async, reason = "as where there is TLS")]
    pub async fn accept(&self, _: TcpStream, _: Duration, _: Duration) -> Option<Encrypted> {
        match self.0 {}
    }
}
