//! Who may ask what: checked for every route before anything else, metrics and events among them.
//!
//! * A page of another site can make a browser ask this server, by a name of its own that it points to this machine (DNS rebinding): the name
//!   in `Host` must be a known one, or an address;
//! * it can also ask by the right name, from its own origin: `Origin` must be ours, and only reading is possible anyway.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::api::problem;
use crate::token::Tokens;

/// Names by which this server may be asked.
#[derive(Clone, Debug)]
pub struct HostNames(Vec<String>);

impl HostNames {
    /// `localhost`, this machine's name, and those that were configured.
    pub fn new(machine: Option<&str>, more: &[String]) -> Self {
        let names = ["localhost"].into_iter().chain(machine).chain(more.iter().map(String::as_str));
        Self(names.map(str::to_ascii_lowercase).collect())
    }

    /// Whether a `Host` is one of them, or an address: a name that a stranger chose is neither.
    fn admit(&self, host: &str) -> bool {
        let Some(name) = without_port(host) else { return false };
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix('.').unwrap_or(&name);
        self.0.iter().any(|known| known == name) || is_address(name)
    }
}

fn is_address(name: &str) -> bool {
    match name.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|inner| matches!(inner.parse(), Ok(IpAddr::V6(_)))),
        None => matches!(name.parse(), Ok(IpAddr::V4(_))),
    }
}

fn without_port(host: &str) -> Option<&str> {
    let (name, port) = match host.rfind(':') {
        Some(at) if !host.ends_with(']') => (host.get(..at)?, host.get(at + 1..)?),
        _ => (host, ""),
    };
    (port.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty()).then_some(name)
}

/// What is checked.
pub struct Guard {
    /// Names of this server.
    pub hosts: HostNames,
    /// Who may ask; `None` = everyone who can reach it.
    pub tokens: Option<Tokens>,
}

/// Headers of every answer.
const HEADERS: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    (header::CACHE_CONTROL, "no-cache"),
];

/// Checks a request, and gives every answer its headers.
pub async fn check(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let mut answer = match guard.refuses(&request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    for (name, value) in HEADERS {
        answer.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    answer
}

impl Guard {
    fn refuses(&self, request: &Request) -> Option<Response> {
        let headers = request.headers();
        let Some(host) = host(request).filter(|host| self.hosts.admit(host)) else {
            return Some(problem(
                StatusCode::MISDIRECTED_REQUEST,
                "this server does not have the name that the request asks for",
                "use its address, or start it with --host NAME",
            ));
        };
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer =
                problem(StatusCode::METHOD_NOT_ALLOWED, "this server can only be read", "use GET");
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Some(answer);
        }
        if headers.contains_key(header::TRANSFER_ENCODING)
            || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length != "0")
        {
            return Some(problem(
                StatusCode::PAYLOAD_TOO_LARGE,
                "a request has no body here",
                "leave it out",
            ));
        }
        if is_foreign(headers, host) {
            return Some(problem(
                StatusCode::FORBIDDEN,
                "another site's page asks",
                "open the page of this server itself",
            ));
        }
        let tokens = self.tokens.as_ref()?;
        if headers.get(header::AUTHORIZATION).is_some_and(|value| admits(tokens, value.as_bytes())) {
            return None;
        }
        let mut answer = problem(
            StatusCode::UNAUTHORIZED,
            "a token is needed",
            "send Authorization: Bearer TOKEN; a browser asks for it: any user name, the token as password",
        );
        let challenge = HeaderValue::from_static("Basic realm=\"poolmon\", charset=\"UTF-8\"");
        answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        Some(answer)
    }
}

/// The one host that a request names. Two, or none, are no request of ours.
fn host(request: &Request) -> Option<&str> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (host, second) = (hosts.next()?.to_str().ok()?, hosts.next());
    let same = request.uri().authority().is_none_or(|authority| authority.as_str() == host);
    (second.is_none() && same).then_some(host)
}

/// A page of another origin asks. What a person opens by a link is a navigation, and has no `Origin`.
fn is_foreign(headers: &HeaderMap, host: &str) -> bool {
    if let Some(origin) = headers.get(header::ORIGIN) {
        let ours = |origin: &str| {
            let name = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            name.is_some_and(|name| name.eq_ignore_ascii_case(host))
        };
        return !origin.to_str().is_ok_and(ours);
    }
    let of = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let crosses = matches!(of("sec-fetch-site"), Some("cross-site" | "same-site"));
    crosses && of("sec-fetch-mode") != Some("navigate")
}

fn admits(tokens: &Tokens, value: &[u8]) -> bool {
    let Some((scheme, rest)) = std::str::from_utf8(value).ok().and_then(|value| value.split_once(' ')) else {
        return false;
    };
    if scheme.eq_ignore_ascii_case("bearer") {
        return tokens.admit(rest.trim().as_bytes());
    }
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| BASE64.decode(rest.trim()).ok()).flatten();
    let password = pair.as_deref().and_then(|pair| {
        let colon = pair.iter().position(|byte| *byte == b':')?;
        pair.get(colon + 1..)
    });
    password.is_some_and(|password| tokens.admit(password))
}

/// Nothing is there.
pub async fn nothing() -> Response {
    problem(StatusCode::NOT_FOUND, "there is nothing here", "see / and /api/v1/openapi.json").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_strangers_choose_are_refused() {
        let hosts = HostNames::new(Some("Db7"), &["metrics.example".to_owned()]);
        for host in [
            "localhost",
            "LOCALHOST:17665",
            "localhost.",
            "127.0.0.1",
            "127.0.0.1:80",
            "10.1.2.3:17665",
            "[::1]",
            "[::1]:17665",
            "db7:17665",
            "metrics.example",
        ] {
            assert!(hosts.admit(host), "{host}");
        }
        for host in [
            "",
            ":80",
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evil.example:17665",
            "[::1",
            "::1]",
            "[evil]",
            "localhost:80:90",
            "localhost:x",
            "127.0.0.1@evil.example",
            "127.1",
            "0x7f000001",
            "[127.0.0.1]",
            "local host",
        ] {
            assert!(!hosts.admit(host), "{host}");
        }
    }

    #[test]
    fn a_page_of_another_site_is_foreign_a_link_is_not() {
        let foreign = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            is_foreign(&headers, "localhost:17665")
        };
        assert!(!foreign(&[]));
        assert!(!foreign(&[("origin", "http://localhost:17665")]));
        for origin in [
            "http://evil.example",
            "null",
            "http://localhost:1",
            "http://localhost:17665.evil.example",
            "localhost:17665",
        ] {
            assert!(foreign(&[("origin", origin)]), "{origin}");
        }
        assert!(foreign(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]));
        assert!(!foreign(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]));
        assert!(!foreign(&[("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")]));
    }
}
