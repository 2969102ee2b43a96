//! A Prometheus-compatible engine, asked over HTTP.

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use poolmon_image::bounded;
use poolmon_model::problem::Remedy;
use serde::Serialize;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};

use crate::answer::{self, Answer};

/// No answer is read further than this: a fleet of 10,000 hosts, asked in parts, stays below a tenth of it.
const LARGEST: u64 = 1 << 30;

/// How to get in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// Sent with each question (`X-Scope-OrgID`, …).
    pub headers: Vec<(String, String)>,
    /// A file that holds a token, sent as `Authorization: Bearer`.
    pub bearer: Option<PathBuf>,
    /// A user, and a file that holds the password.
    pub basic: Option<(String, PathBuf)>,
    /// Certificates (PEM) that sign the engine's, instead of those that the system trusts.
    pub ca: Option<PathBuf>,
    /// How long one question may take.
    pub timeout: Option<Duration>,
}

/// An engine that answers PromQL.
pub struct Engine {
    agent: ureq::Agent,
    base: String,
    headers: Vec<(String, String)>,
    timeout: Duration,
}

/// One question: what it cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Asked {
    /// What it was for.
    pub what: &'static str,
    /// The question, in PromQL.
    pub query: String,
    /// Series in the answer.
    pub rows: usize,
    /// Bytes of the answer, unpacked.
    pub bytes: u64,
    /// Seconds until it was read.
    pub seconds: f64,
}

/// Why an engine gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The address is none.
    #[error("{0} is not the address of an engine")]
    Address(String),
    /// The address holds a name or a password, which would be printed wherever the address is.
    #[error("the address of the engine has a name or a password in it")]
    Secret,
    /// A file of secrets or certificates.
    #[error("cannot read {}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: String,
    },
    /// No connection, or it broke.
    #[error("no answer from {url}: {error}")]
    Connection {
        /// Whom.
        url: String,
        /// Why.
        error: String,
    },
    /// It took longer than it may.
    #[error("{url} did not answer within {}", poolmon_model::units::span(*limit))]
    Timeout {
        /// Whom.
        url: String,
        /// How long it may take.
        limit: Duration,
    },
    /// It wants to know who asks.
    #[error("{url} refuses: {status}{}", after(text))]
    Forbidden {
        /// Whom.
        url: String,
        /// Status code.
        status: u16,
        /// What it says, in one line.
        text: String,
    },
    /// It answers something else.
    #[error("{url} answers {status}{}", after(text))]
    NoEngine {
        /// Whom.
        url: String,
        /// Status code.
        status: u16,
        /// What it says, in one line.
        text: String,
    },
    /// It answers, and the answer cannot be read.
    #[error("the answer of {url} cannot be read: {error}")]
    Unclear {
        /// Whom.
        url: String,
        /// Why not.
        error: String,
    },
    /// It understood the question, and cannot answer it.
    #[error("the engine cannot answer ({kind}): {text}\n  asked: {query}")]
    Refused {
        /// Its word for the kind of error.
        kind: String,
        /// Its reason.
        text: String,
        /// The question.
        query: String,
    },
}

fn after(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

impl Remedy for EngineError {
    fn remedy(&self) -> Option<String> {
        let help = match self {
            Self::Address(_) => "give it as http://HOST:PORT or https://HOST/PATH",
            Self::Connection { .. } => {
                "see that it runs, that this machine reaches it, and with https, who signed it (--ca FILE)"
            }
            Self::Timeout { .. } => {
                "give it more time with a larger --timeout, or ask for less with --over and --match"
            }
            Self::Forbidden { .. } => {
                "give --bearer-file FILE, --user NAME with --password-file FILE, or --header"
            }
            Self::Secret => {
                "give --user NAME with --password-file FILE: what is in the address would be printed"
            }
            Self::Unclear { .. } => {
                "it was cut, or what answers does not speak the HTTP API of Prometheus: see what stands between"
            }
            Self::NoEngine { status: 300..=399, .. } => {
                "redirects are not followed, as they would take secrets elsewhere: give the address that it leads to"
            }
            Self::NoEngine { status: 429 | 500.., .. } => {
                "the engine, or what stands before it, is busy or broken: see its log, try again later, or ask for less with --over and --match"
            }
            Self::NoEngine { .. } => {
                "give the part of the address before /api/v1/query: Mimir needs /prometheus, a cluster of VictoriaMetrics /select/0/prometheus"
            }
            Self::Refused { kind, .. } if kind == "timeout" || kind == "execution" || kind == "422" => {
                "ask for less: --over 12h, fewer hosts with --match, or smaller parts with --part"
            }
            Self::File { .. } | Self::Refused { .. } => return None,
        };
        Some(help.to_owned())
    }
}

impl Engine {
    /// An engine at this address; nothing is asked yet.
    ///
    /// # Errors
    ///
    /// If the address is none, or a file of [`Access`] cannot be read.
    pub fn new(url: &str, access: &Access) -> Result<Self, EngineError> {
        let base = url.trim_end_matches('/').to_owned();
        let host = base.strip_prefix("http://").or_else(|| base.strip_prefix("https://"));
        if host.is_none_or(|host| host.is_empty() || host.starts_with('/')) {
            return Err(EngineError::Address(url.to_owned()));
        }
        if host.and_then(|host| host.split(['/', '?', '#']).next()).is_some_and(|host| host.contains('@')) {
            return Err(EngineError::Secret);
        }
        let mut headers = access.headers.clone();
        if let Some(path) = &access.bearer {
            headers.push(("Authorization".into(), format!("Bearer {}", secret(path)?)));
        }
        if let Some((user, path)) = &access.basic {
            let pair = format!("{user}:{}", secret(path)?);
            headers.push(("Authorization".into(), format!("Basic {}", BASE64.encode(pair))));
        }
        let roots = match &access.ca {
            Some(path) => certificates(path)?,
            None => RootCerts::PlatformVerifier,
        };
        let timeout = access.timeout.unwrap_or(Duration::from_mins(2));
        let agent = ureq::Agent::config_builder()
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            // Secrets go to the address that was given.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("poolmon/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls(roots))
            .build()
            .into();
        Ok(Self { agent, base, headers, timeout })
    }

    /// Asks at one moment. `what`: what the question is for.
    ///
    /// # Errors
    ///
    /// If there is no answer, or the engine says why not.
    pub fn query(&self, what: &'static str, query: &str, at: Timestamp) -> Result<Answer, EngineError> {
        let url = format!("{}/api/v1/query", self.base);
        let began = Instant::now();
        // Whatever breaks then: a request, the head of an answer, its text or its document.
        let in_time = |error: EngineError| {
            if began.elapsed() >= self.timeout {
                EngineError::Timeout { url: self.base.clone(), limit: self.timeout }
            } else {
                error
            }
        };
        let broken = |error: &dyn std::fmt::Display| {
            in_time(EngineError::Connection { url: self.base.clone(), error: one_line(&error.to_string()) })
        };
        let mut request = self.agent.post(&url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let time = format!("{:.3}", at.as_millisecond() as f64 / 1e3);
        // The engine gives up a little earlier, as it can say why.
        let timeout = format!("{}ms", (self.timeout.as_millis() * 9 / 10).max(1));
        let form = [("query", query), ("time", &time), ("timeout", &timeout)];
        let mut response = request.send_form(form).map_err(|error| broken(&error))?;
        let status = response.status().as_u16();
        let body = Counted { inner: response.body_mut().with_config().limit(LARGEST).reader(), bytes: 0 };
        let mut reader = BufReader::with_capacity(1 << 16, body);
        // Not every engine names the type of its answer.
        let is_json = reader.fill_buf().map_err(|error| broken(&error))?.first() == Some(&b'{');
        if !is_json || matches!(status, 401 | 403) {
            let mut text = Vec::new();
            // What can be read of it is enough.
            let _ = (&mut reader).take(300).read_to_end(&mut text);
            let text = one_line(&String::from_utf8_lossy(&text));
            let url = self.base.clone();
            return Err(match status {
                401 | 403 => EngineError::Forbidden { url, status, text },
                200..=299 => in_time(EngineError::NoEngine { url, status, text }),
                _ => EngineError::NoEngine { url, status, text },
            });
        }
        let document = answer::read(&mut reader).map_err(|error| {
            in_time(EngineError::Unclear { url: self.base.clone(), error: one_line(&error.to_string()) })
        })?;
        let bytes = reader.get_ref().bytes;
        let mut answer = document.map_err(|(kind, text)| EngineError::Refused {
            kind: kind.unwrap_or_else(|| status.to_string()),
            text: one_line(&text),
            query: query.to_owned(),
        })?;
        let seconds = began.elapsed().as_secs_f64();
        answer.asked =
            Some(Asked { what, query: query.to_owned(), rows: answer.series.len(), bytes, seconds });
        Ok(answer)
    }
}

/// The system's own TLS.
#[cfg(windows)]
fn tls(roots: RootCerts) -> TlsConfig {
    TlsConfig::builder().provider(ureq::tls::TlsProvider::NativeTls).root_certs(roots).build()
}

#[cfg(not(windows))]
fn tls(roots: RootCerts) -> TlsConfig {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build()
}

/// The first line of a file, which holds nothing else.
fn secret(path: &Path) -> Result<String, EngineError> {
    let file_error = |error: String| EngineError::File { path: path.to_owned(), error };
    let text = bounded::read_text(path, bounded::SMALL).map_err(|error| file_error(error.to_string()))?;
    let line = text.trim();
    if line.is_empty() || line.contains(char::is_control) {
        return Err(file_error("one line with the secret is expected".to_owned()));
    }
    Ok(line.to_owned())
}

fn certificates(path: &Path) -> Result<RootCerts, EngineError> {
    let file_error = |error: String| EngineError::File { path: path.to_owned(), error };
    let pem = bounded::read(path, bounded::SMALL).map_err(|error| file_error(error.to_string()))?;
    let mut found: Vec<Certificate<'static>> = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| file_error(error.to_string()))? {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err(file_error("it holds no certificate in PEM".to_owned()));
    }
    Ok(RootCerts::new_with_certs(&found))
}

fn one_line(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown: String = line.chars().filter(|c| !c.is_control()).take(300).collect();
    shown
}

struct Counted<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_a_scheme_and_a_host() {
        for wrong in ["prom:9090", "ftp://prom", "http://", "https:///x", ""] {
            assert!(
                matches!(Engine::new(wrong, &Access::default()), Err(EngineError::Address(_))),
                "{wrong}"
            );
        }
        assert!(Engine::new("http://prom:9090/x@y", &Access::default()).is_ok());
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_never_said() {
        for wrong in ["http://u:geheim@prom:9090", "https://geheim@prom/x", "http://u:geheim@prom?x"] {
            let error = Engine::new(wrong, &Access::default()).err().unwrap();
            assert!(matches!(error, EngineError::Secret), "{wrong}: {error}");
            assert!(!format!("{error} {:?} {error:?}", error.remedy()).contains("geheim"));
        }
    }

    /// What an engine at an address says that answers every request so.
    fn asked(answer: &'static str) -> EngineError {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = std::io::Write::write_all(&mut stream, answer.as_bytes());
        });
        let engine = Engine::new(&format!("http://{address}"), &Access::default()).unwrap();
        engine.query("test", "up", Timestamp::UNIX_EPOCH).unwrap_err()
    }

    #[test]
    fn each_failure_has_the_remedy_that_helps() {
        for (answer, words) in [
            (
                "HTTP/1.1 302 Found\r\nLocation: http://x/\r\nContent-Length: 0\r\n\r\n",
                "redirects are not followed",
            ),
            ("HTTP/1.1 429 Too Many Requests\r\nContent-Length: 4\r\n\r\nslow", "try again later"),
            ("HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops", "try again later"),
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone", "/prometheus"),
            ("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"status\":\"su", "does not speak the HTTP API"),
            ("", "see that it runs"),
        ] {
            let error = asked(answer);
            assert!(error.remedy().unwrap().contains(words), "{answer}: {error}: {:?}", error.remedy());
        }
    }

    /// A server that takes the request, says `begin`, and then `more` every 50 ms for as long as it is read.
    fn slow(begin: &'static str, more: &'static str) -> (EngineError, Duration) {
        use std::io::Write as _;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let mut written = stream.write_all(begin.as_bytes());
            while written.is_ok() {
                std::thread::sleep(Duration::from_millis(50));
                written = stream.write_all(more.as_bytes()).and_then(|()| stream.flush());
                if more.is_empty() && stream.read(&mut [0]).is_ok_and(|read| read == 0) {
                    break;
                }
            }
        });
        let access = Access { timeout: Some(Duration::from_millis(500)), ..Access::default() };
        let engine = Engine::new(&format!("http://{address}"), &access).unwrap();
        let start = Instant::now();
        (engine.query("test", "up", Timestamp::UNIX_EPOCH).unwrap_err(), start.elapsed())
    }

    #[test]
    fn a_question_takes_no_longer_than_it_may() {
        let head = "HTTP/1.1 200 OK\r\n\r\n";
        let json = "HTTP/1.1 200 OK\r\n\r\n{\"status\":\"success\",\"x\":\"";
        for (begin, more) in [("", ""), (head, ""), (head, "a"), (json, "a"), (json, "")] {
            let (error, took) = slow(begin, more);
            assert!(matches!(error, EngineError::Timeout { .. }), "{begin:?} {more:?}: {error:?}");
            assert!(error.to_string().contains("did not answer within 500 ms"), "{error}");
            assert!(took < Duration::from_secs(3), "{begin:?} {more:?}: {took:?}");
        }
    }

    #[test]
    fn a_secret_is_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            secret(&path)
        };
        assert_eq!(read("s3cret\n").unwrap(), "s3cret");
        assert_eq!(read("\u{feff}s3cret\r\n").unwrap(), "s3cret");
        assert!(read("\n").is_err() && read("a\nX-Evil: 1").is_err());
    }
}
