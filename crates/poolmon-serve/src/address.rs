//! Where to listen, as people write it.

use std::net::SocketAddr;

use crate::DEFAULT_PORT;

/// An address to listen on: `127.0.0.1:17665`, `[::1]:17665`, `127.0.0.1`, or `:17665` as exporters take it: on all addresses.
///
/// # Errors
///
/// The text is no address, or has no port that there is.
pub fn address(text: &str) -> Result<SocketAddr, String> {
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
