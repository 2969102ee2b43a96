//! What a `--web.config.file` says: the keys of Prometheus' exporter-toolkit, which scrapers' hosts are configured with.
//!
//! Source: the toolkit's `docs/web-configuration.md`. A key that is unknown, or that this server does not support, is an error: what keeps
//! others out must not be left out silently.

use super::yaml::{self, Entry, Node, Problem, Value, shown};
use crate::users::{PasswordHash, User};

/// A file, or the text itself.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// A path; a relative one begins at the folder of the configuration.
    File(String),
    /// The text.
    Inline(String),
}

/// What a client has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// Nothing.
    None,
    /// A certificate, if it has one, has to be valid.
    IfGiven,
    /// A valid certificate.
    Required,
}

/// `tls_server_config`.
#[derive(Clone)]
pub struct TlsSection {
    /// Where it begins.
    pub line: usize,
    /// The server's certificate and those that sign it.
    pub cert: Pem,
    /// Its private key.
    pub key: Pem,
    /// Who signs certificates of clients.
    pub client_ca: Option<Pem>,
    /// What a client has to show.
    pub client_auth: ClientAuth,
    /// Names, one of which a client's certificate must have; none = any.
    pub allowed_sans: Vec<String>,
    /// No TLS 1.2.
    pub only_13: bool,
    /// No TLS 1.3.
    pub only_12: bool,
}

/// The whole file.
#[derive(Clone, Default)]
pub struct WebFile {
    /// TLS, if it is wanted.
    pub tls: Option<TlsSection>,
    /// Who may ask.
    pub users: Vec<User>,
    /// `Strict-Transport-Security` of every answer.
    pub transport: Option<String>,
}

type Result<T> = std::result::Result<T, Problem>;

fn problem<T>(line: usize, text: impl Into<String>) -> Result<T> {
    Err(Problem { line, text: text.into() })
}

fn unknown<T>(entry: &Entry, known: &str) -> Result<T> {
    problem(entry.line, format!("unknown key `{}`; known: {known}", shown(&entry.key)))
}

fn unsupported<T>(entry: &Entry, why: &str) -> Result<T> {
    problem(entry.line, format!("`{}` is not supported: {why}", shown(&entry.key)))
}

impl WebFile {
    /// Reads the text of such a file.
    ///
    /// # Errors
    ///
    /// It is no YAML of the part that is understood, or it has a key or a value that this server has no use for.
    pub fn parse(text: &str) -> Result<Self> {
        let mut file = Self::default();
        for entry in map(&yaml::read(text)?, "the file")? {
            match entry.key.as_str() {
                "tls_server_config" => file.tls = tls(&entry.node)?,
                "http_server_config" => file.transport = http(&entry.node)?,
                "basic_auth_users" => file.users = users(&entry.node)?,
                "rate_limit" => {
                    unsupported::<()>(entry, "failed passwords and connections have limits of their own")?;
                }
                _ => unknown(entry, "tls_server_config, http_server_config, basic_auth_users")?,
            }
        }
        Ok(file)
    }
}

fn map<'a>(node: &'a Node, what: &str) -> Result<&'a [Entry]> {
    match &node.value {
        Value::Map(entries) => Ok(entries),
        Value::Nothing => Ok(&[]),
        Value::Text(_) | Value::List(_) => problem(node.line, format!("{what} has to hold keys")),
    }
}

fn text(entry: &Entry) -> Result<&str> {
    match &entry.node.value {
        Value::Text(text) if !text.is_empty() => Ok(text),
        _ => problem(entry.line, format!("`{}` needs a text", shown(&entry.key))),
    }
}

fn is_true(entry: &Entry) -> Result<bool> {
    match text(entry)? {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => problem(entry.line, format!("`{}` is true or false", shown(&entry.key))),
    }
}

/// A setting that may be in a file of its own or in this one, not in both.
fn pem(place: &mut Option<Pem>, entry: &Entry, value: Pem) -> Result<()> {
    if place.replace(value).is_some() {
        return problem(entry.line, format!("`{}`: it is given as a file and as a text", shown(&entry.key)));
    }
    Ok(())
}

fn tls(node: &Node) -> Result<Option<TlsSection>> {
    const KNOWN: &str = "cert_file, key_file, cert, key, client_auth_type, client_ca_file, client_ca, client_allowed_sans, min_version, max_version";
    let (mut cert, mut key, mut client_ca) = (None, None, None);
    let mut client_auth = None;
    let mut allowed: Option<(usize, Vec<String>)> = None;
    let (mut only_13, mut only_12) = (false, false);
    let entries = map(node, "`tls_server_config`")?;
    for entry in entries {
        match entry.key.as_str() {
            "cert_file" => pem(&mut cert, entry, Pem::File(text(entry)?.to_owned()))?,
            "cert" => pem(&mut cert, entry, Pem::Inline(text(entry)?.to_owned()))?,
            "key_file" => pem(&mut key, entry, Pem::File(text(entry)?.to_owned()))?,
            "key" => pem(&mut key, entry, Pem::Inline(text(entry)?.to_owned()))?,
            "client_ca_file" => pem(&mut client_ca, entry, Pem::File(text(entry)?.to_owned()))?,
            "client_ca" => pem(&mut client_ca, entry, Pem::Inline(text(entry)?.to_owned()))?,
            "client_auth_type" => client_auth = Some((entry.line, auth(entry)?)),
            "client_allowed_sans" => allowed = Some((entry.line, names(entry)?)),
            "min_version" => {
                only_13 = match text(entry)? {
                    "TLS12" => false,
                    "TLS13" => true,
                    "TLS10" | "TLS11" => unsupported(entry, "TLS 1.2 is the oldest that this server speaks")?,
                    _ => problem(entry.line, "`min_version` is TLS12 or TLS13")?,
                }
            }
            "max_version" => {
                only_12 = match text(entry)? {
                    "TLS12" => true,
                    "TLS13" => false,
                    "TLS10" | "TLS11" => unsupported(entry, "TLS 1.2 is the oldest that this server speaks")?,
                    _ => problem(entry.line, "`max_version` is TLS12 or TLS13")?,
                }
            }
            "cipher_suites" | "curve_preferences" | "prefer_server_cipher_suites" => {
                unsupported(entry, "every suite and curve that this server has is in use today")?;
            }
            _ => unknown(entry, KNOWN)?,
        }
    }
    if entries.is_empty() {
        return Ok(None);
    }
    let line = node.line;
    let (Some(cert), Some(key)) = (cert, key) else {
        return problem(line, "`tls_server_config` needs a certificate and its key: cert_file and key_file");
    };
    if only_12 && only_13 {
        return problem(line, "`min_version` is above `max_version`");
    }
    let auth = client_auth.map_or(ClientAuth::None, |(_, auth)| auth);
    match (&client_ca, client_auth) {
        (Some(_), None | Some((_, ClientAuth::None))) => {
            return problem(
                line,
                "`client_ca_file` without `client_auth_type`: no client would be asked for a certificate",
            );
        }
        (None, Some((line, ClientAuth::IfGiven | ClientAuth::Required))) => {
            return problem(
                line,
                "`client_auth_type` without `client_ca_file`: nobody could sign a client's certificate",
            );
        }
        _ => {}
    }
    let allowed_sans = match allowed {
        Some((line, _)) if auth != ClientAuth::Required => {
            return problem(line, "`client_allowed_sans` needs client_auth_type: RequireAndVerifyClientCert");
        }
        Some((line, names)) if names.is_empty() => {
            return problem(line, "`client_allowed_sans` is empty: leave it out to allow each name");
        }
        Some((_, names)) => names,
        None => Vec::new(),
    };
    Ok(Some(TlsSection { line, cert, key, client_ca, client_auth: auth, allowed_sans, only_13, only_12 }))
}

fn auth(entry: &Entry) -> Result<ClientAuth> {
    match text(entry)? {
        "NoClientCert" => Ok(ClientAuth::None),
        "VerifyClientCertIfGiven" => Ok(ClientAuth::IfGiven),
        "RequireAndVerifyClientCert" => Ok(ClientAuth::Required),
        "RequestClientCert" | "RequireAnyClientCert" => problem(
            entry.line,
            "certificates that nobody verifies are not supported: write RequireAndVerifyClientCert",
        ),
        other => problem(
            entry.line,
            format!(
                "`{}` is no client_auth_type; known: NoClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert",
                shown(other)
            ),
        ),
    }
}

fn names(entry: &Entry) -> Result<Vec<String>> {
    let Value::List(items) = &entry.node.value else {
        return problem(entry.line, "`client_allowed_sans` is a list");
    };
    let name = |item: &Node| match &item.value {
        Value::Text(text) if text.contains('@') => problem(
            item.line,
            format!("`{}` is not supported: names of hosts, addresses and URIs are compared", shown(text)),
        ),
        Value::Text(text) if !text.is_empty() => Ok(text.clone()),
        _ => problem(item.line, "an empty name"),
    };
    items.iter().map(name).collect()
}

fn http(node: &Node) -> Result<Option<String>> {
    let mut transport = None;
    for entry in map(node, "`http_server_config`")? {
        match entry.key.as_str() {
            "http2" => {
                if is_true(entry)? {
                    unsupported(entry, "this server speaks HTTP/1.1: write false, or leave it out")?;
                }
            }
            "headers" => {
                for header in map(&entry.node, "`headers`")? {
                    match header.key.as_str() {
                        "Strict-Transport-Security" => {
                            let value = text(header)?;
                            if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
                                return problem(header.line, "the value of a header is plain ASCII");
                            }
                            transport = Some(value.to_owned());
                        }
                        "Content-Security-Policy"
                        | "X-Content-Type-Options"
                        | "X-Frame-Options"
                        | "X-XSS-Protection" => {
                            unsupported(header, "this server sets its own, which its page needs")?;
                        }
                        _ => unknown(header, "Strict-Transport-Security")?,
                    }
                }
            }
            _ => unknown(entry, "http2, headers")?,
        }
    }
    Ok(transport)
}

fn users(node: &Node) -> Result<Vec<User>> {
    let entries = map(node, "`basic_auth_users`")?;
    let user = |entry: &Entry| {
        if entry.key.is_empty() || entry.key.contains(':') {
            return problem(
                entry.line,
                "a user's name is empty or has a colon, which Basic authentication cannot send",
            );
        }
        // What stands here may be the password itself: it is not repeated.
        let hash = PasswordHash::parse(text(entry)?).map_err(|text| Problem {
            line: entry.line,
            text: format!("user `{}`: {text}", shown(&entry.key)),
        })?;
        Ok(User { name: entry.key.clone(), hash })
    };
    entries.iter().map(user).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";

    #[test]
    fn the_toolkits_own_example_is_read() {
        let text = format!(
            "# Node exporter's documentation.\ntls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n  client_auth_type: \
             RequireAndVerifyClientCert\n  client_ca_file: tester.crt\n  client_allowed_sans:\n  - example.com\n  - 10.0.0.1\n  \
             min_version: \"TLS13\"\nhttp_server_config:\n  http2: false\n  headers:\n    Strict-Transport-Security: max-age=31536000\n\
             basic_auth_users:\n  alice: {HASH}\n  'bob smith': {HASH}\n"
        );
        let file = WebFile::parse(&text).unwrap();
        let tls = file.tls.unwrap();
        assert!(
            matches!((&tls.cert, &tls.key), (Pem::File(cert), Pem::File(key)) if cert == "server.crt" && key == "server.key")
        );
        assert_eq!((tls.client_auth, tls.only_13, tls.only_12), (ClientAuth::Required, true, false));
        assert_eq!(tls.allowed_sans, ["example.com", "10.0.0.1"]);
        assert_eq!(
            file.users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(),
            ["alice", "bob smith"]
        );
        assert_eq!(file.transport.as_deref(), Some("max-age=31536000"));
        let empty = WebFile::parse("tls_server_config:\nbasic_auth_users:\n").unwrap();
        assert!(empty.tls.is_none() && empty.users.is_empty());
    }

    #[test]
    fn what_has_no_effect_here_is_an_error_with_its_line() {
        let pair = "tls_server_config:\n  cert_file: a\n  key_file: b\n";
        for (text, line, what) in [
            ("tls_config:\n  cert_file: a".to_owned(), 1, "unknown key `tls_config`"),
            (format!("{pair}  cert_fil: x"), 4, "unknown key `cert_fil`"),
            (format!("{pair}  cipher_suites: [x]"), 4, "not supported"),
            (format!("{pair}  min_version: TLS11"), 4, "not supported"),
            (format!("{pair}  min_version: TLS14"), 4, "TLS12 or TLS13"),
            (format!("{pair}  min_version: TLS13\n  max_version: TLS12"), 1, "above"),
            (format!("{pair}  cert: x"), 4, "as a file and as a text"),
            (format!("{pair}  client_ca_file: x"), 1, "no client would be asked"),
            (format!("{pair}  client_auth_type: RequireAndVerifyClientCert"), 4, "nobody could sign"),
            (format!("{pair}  client_auth_type: RequireAnyClientCert"), 4, "nobody verifies"),
            (format!("{pair}  client_auth_type: required"), 4, "no client_auth_type"),
            (format!("{pair}  client_allowed_sans: [a]"), 4, "RequireAndVerify"),
            ("tls_server_config:\n  cert_file: a".to_owned(), 1, "certificate and its key"),
            ("tls_server_config: a".to_owned(), 1, "has to hold keys"),
            ("rate_limit:\n  interval: 1s".to_owned(), 1, "limits of their own"),
            ("http_server_config:\n  http2: true".to_owned(), 2, "HTTP/1.1"),
            ("http_server_config:\n  http2: yes".to_owned(), 2, "true or false"),
            ("http_server_config:\n  headers:\n    X-Frame-Options: DENY".to_owned(), 3, "its own"),
            ("http_server_config:\n  headers:\n    X-Mine: a".to_owned(), 3, "unknown"),
            ("basic_auth_users:\n  \"a:b\": x".to_owned(), 2, "colon"),
            ("basic_auth_users:\n  alice: hunter2-hunter2".to_owned(), 2, "user `alice`"),
        ] {
            let Err(error) = WebFile::parse(&text) else { panic!("{text}") };
            assert!(error.line == line && error.text.contains(what), "{text:?}: {error:?}");
            assert!(!error.text.contains("hunter2"), "a password: {error:?}");
        }
    }
}
