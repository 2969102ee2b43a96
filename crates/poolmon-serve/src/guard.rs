//! Who may ask what: checked for every route before anything else, metrics and events among them.
//!
//! * A page of another site can make a browser ask this server, by a name of its own that it points to this machine (DNS rebinding): the name
//!   in `Host` must be a known one, or an address;
//! * it can also ask by the right name, from its own origin: `Origin` must be ours, and only reading is possible anyway.
//!
//! Probes of health need no secret: a kubelet sends none, and they learn nothing but that the server answers.

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
use crate::listen::Peer;
use crate::token::Tokens;
use crate::users::{Checked, Checker};
use crate::web::Web;

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
    /// Any of these admits.
    pub tokens: Option<Tokens>,
    /// Users, any of whom is admitted. Without tokens and users, everyone who can reach the server is.
    pub web: Option<Arc<Web>>,
    /// Checks their passwords.
    pub checker: Checker,
}

/// What needs no secret.
const PROBES: [&str; 3] = ["/-/healthy", "/-/ready", "/healthz"];

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
    let refusal = match guard.refuses(&request) {
        Some(refusal) => Some(refusal),
        None if PROBES.contains(&request.uri().path()) => None,
        None => {
            let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
            guard.locked(request.headers().get(header::AUTHORIZATION).cloned(), peer).await
        }
    };
    let mut answer = match refusal {
        Some(refusal) => refusal,
        None => next.run(request).await,
    };
    if let Some(value) = guard.web.as_ref().and_then(|web| web.now().transport.clone()) {
        answer.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
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
        None
    }

    /// The answer to someone who has no secret, or a wrong one.
    async fn locked(&self, secret: Option<HeaderValue>, peer: Option<IpAddr>) -> Option<Response> {
        let web = self.web.as_ref().map(|web| web.now());
        let users = web.as_deref().map_or(&[][..], |web| &web.users);
        if self.tokens.is_none() && users.is_empty() {
            return None;
        }
        let mut checked = Checked::Wrong;
        if let Some(secret) = secret.as_ref().and_then(|secret| Secret::read(secret.as_bytes())) {
            if self.tokens.as_ref().is_some_and(|tokens| tokens.admit(&secret.text)) {
                return None;
            }
            if let Some(name) = &secret.name {
                checked = self.checker.check(users, name, &secret.text, peer).await;
            }
        }
        match checked {
            Checked::Right => None,
            Checked::Wrong => {
                let mut answer = problem(
                    StatusCode::UNAUTHORIZED,
                    if users.is_empty() { "a token is needed" } else { "a name and a password are needed" },
                    if users.is_empty() {
                        "send Authorization: Bearer TOKEN; a browser asks for it: any user name, the token as password"
                    } else {
                        "send Authorization: Basic, or ask in a browser"
                    },
                );
                let challenge = HeaderValue::from_static("Basic realm=\"poolmon\", charset=\"UTF-8\"");
                answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
                Some(answer)
            }
            Checked::Later => {
                let (error, remedy) = ("too many passwords were wrong", "wait some seconds, then ask again");
                let mut answer = problem(StatusCode::TOO_MANY_REQUESTS, error, remedy);
                answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
                Some(answer)
            }
        }
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

/// What `Authorization` holds.
struct Secret {
    /// Of Basic authentication.
    name: Option<String>,
    text: Vec<u8>,
}

impl Secret {
    fn read(value: &[u8]) -> Option<Self> {
        let (scheme, rest) = std::str::from_utf8(value).ok()?.split_once(' ')?;
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self { name: None, text: rest.trim().as_bytes().to_vec() });
        }
        let pair = scheme.eq_ignore_ascii_case("basic").then(|| BASE64.decode(rest.trim()).ok())??;
        let colon = pair.iter().position(|byte| *byte == b':')?;
        let (name, text) = pair.split_at_checked(colon)?;
        let name = String::from_utf8(name.to_vec()).ok()?;
        Some(Self { name: Some(name), text: text.get(1..)?.to_vec() })
    }
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
