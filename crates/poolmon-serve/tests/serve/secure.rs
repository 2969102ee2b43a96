//! `--web.config.file`: TLS, certificates of clients and users, asked by curl, openssl and a real Prometheus.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use poolmon_model::problem::Remedy as _;
use poolmon_serve::{Feed, Live, ServeConfig, ServeError, Server, WebConfig};
use poolmon_synth::{SimulatedKernel, SimulatedSource, SimulationConfig};
use poolmon_testkit::{Need, skip};

use crate::Running;
use crate::prometheus::{Prometheus, until};

/// Of the password `correct horse`, by glibc's crypt.
const HASH: &str = "$2b$04$wlPkQTP21/qNm64PoFwrNOVHzQBQ8deHargsB24lNixVlsPhOGjhG";

fn with(config: ServeConfig) -> Running {
    let source = SimulatedSource::real_time(SimulatedKernel::new(SimulationConfig::quiet()));
    Running::new(source, Duration::from_hours(1), config)
}

/// An authority, certificates that it signed, and one that it did not.
struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    fn new() -> Option<Self> {
        let is_there = |program: &str| Command::new(program).arg("--help").output().is_ok();
        if !is_there("openssl") || !is_there("curl") {
            skip(Need::Tools, "there is no openssl or no curl here");
            return None;
        }
        let authority = Self { folder: tempfile::tempdir().unwrap() };
        for name in ["ca", "stranger"] {
            authority.openssl(&format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN={name} -keyout {name}.key -out {name}.crt"
            ));
        }
        authority.sign("server", "DNS:localhost,IP:127.0.0.1", "ca", 30);
        authority.sign("client", "DNS:scraper.example", "ca", 30);
        Some(authority)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, words: &str) {
        let output =
            Command::new("openssl").args(words.split(' ')).current_dir(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// A certificate `name.crt` and its key `name.key`, valid for days from now, or until days ago.
    fn sign(&self, name: &str, names: &str, by: &str, days: i32) {
        std::fs::write(self.path("names"), format!("subjectAltName={names}\n")).unwrap();
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {by}.crt -CAkey {by}.key -CAcreateserial -days {days} -extfile names -out {name}.crt"
        ));
    }

    fn config(&self, text: &str) -> WebConfig {
        let path = self.path("web.yml");
        std::fs::write(&path, text).unwrap();
        WebConfig::read(&path).unwrap()
    }

    /// Asks by https; the status code, 0 without an answer.
    fn curl(&self, server: &Running, path: &str, more: &[&str]) -> (u16, String) {
        let output = Command::new("curl")
            .args(["-sS", "--max-time", "60", "--cacert", "ca.crt", "-w", "\n%{http_code}"])
            .args(more)
            .arg(format!("https://{}{path}", server.address))
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, code) = text.rsplit_once('\n').unwrap();
        (code.parse().unwrap(), format!("{body}{}", String::from_utf8_lossy(&output.stderr)))
    }

    fn s_client(&self, server: &Running, more: &[&str]) -> Output {
        let address = server.address.to_string();
        Command::new("openssl")
            .args(["s_client", "-connect", &address, "-CAfile", "ca.crt", "-verify_return_error"])
            .args(more)
            .current_dir(self.folder.path())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
    }
}

const PAIR: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

#[test]
fn tls_encrypts_with_its_two_newest_versions_and_no_older_one() {
    let Some(authority) = Authority::new() else { return };
    let text =
        format!("{PAIR}http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=1000\n");
    let server = with(ServeConfig { web: Some(authority.config(&text)), ..ServeConfig::default() });
    let (code, text) = authority.curl(&server, "/metrics", &["-i"]);
    assert!(code == 200 && text.contains("poolmon_tag_bytes"), "{text}");
    assert!(text.to_lowercase().contains("strict-transport-security: max-age=1000"), "{text}");
    let (code, text) = authority.curl(&server, "/", &["--compressed", "-H", "Host: evil.example"]);
    assert_eq!(code, 421, "{text}");
    for (version, works) in [("-tls1_3", true), ("-tls1_2", true), ("-tls1_1", false), ("-tls1", false)] {
        let output = authority.s_client(&server, &[version, "-cipher", "DEFAULT@SECLEVEL=0"]);
        assert_eq!(output.status.success(), works, "{version}: {output:?}");
    }
    // An authority that the client does not know: the client's own choice, and nothing goes wrong here.
    let (code, _) = authority.curl(&server, "/-/healthy", &["--cacert", "stranger.crt"]);
    assert_eq!(code, 0);
    let plain = server.get("/", &[]);
    assert!(plain.code == 400 && plain.text().contains("https://"), "{plain:?}");
    assert_eq!(authority.curl(&server, "/-/healthy", &[]).0, 200);
    let old = "  max_version: TLS12\n";
    let server =
        with(ServeConfig { web: Some(authority.config(&format!("{PAIR}{old}"))), ..ServeConfig::default() });
    assert!(authority.s_client(&server, &["-tls1_2"]).status.success());
    assert!(!authority.s_client(&server, &["-tls1_3"]).status.success());
}

#[test]
fn only_a_certificate_of_the_authority_with_one_of_the_names_gets_in() {
    let Some(authority) = Authority::new() else { return };
    authority.sign("old", "DNS:scraper.example", "ca", -1);
    authority.sign("foreign", "DNS:scraper.example", "stranger", 30);
    authority.sign("other", "DNS:other.example,IP:192.0.2.7", "ca", 30);
    authority.sign("uri", "URI:spiffe://example/scraper", "ca", 30);
    authority.sign("wild", "DNS:*.example", "ca", 30);
    let mutual = format!("{PAIR}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n");
    let named = format!("{mutual}  client_allowed_sans: [scraper.example, 'spiffe://example/scraper']\n");
    let addressed = format!("{mutual}  client_allowed_sans:\n    - 192.0.2.7\n");
    let all = ["client", "old", "foreign", "other", "uri", "wild"];
    for (text, admitted) in [
        (&mutual, &["client", "other", "uri", "wild"][..]),
        (&named, &["client", "uri"]),
        (&addressed, &["other"]),
    ] {
        // A certificate is as good as a token for others than this machine.
        let config = authority.config(text);
        assert!(config.protects());
        let server = with(ServeConfig { web: Some(config), ..ServeConfig::default() });
        for version in ["--tlsv1.3", "--tls-max"] {
            let version = if version == "--tls-max" { &["--tls-max", "1.2"][..] } else { &["--tlsv1.3"] };
            assert_eq!(authority.curl(&server, "/metrics", version).0, 0, "none");
            for name in all {
                let (cert, key) = (format!("{name}.crt"), format!("{name}.key"));
                let words = [version, &["--cert", &cert, "--key", &key]].concat();
                let (code, text) = authority.curl(&server, "/metrics", &words);
                assert_eq!(code == 200, admitted.contains(&name), "{name} {version:?}: {code} {text}");
            }
        }
    }
    let given = format!("{PAIR}  client_auth_type: VerifyClientCertIfGiven\n  client_ca_file: ca.crt\n");
    let config = authority.config(&given);
    assert!(!config.protects(), "everyone can leave the certificate out");
    let server = with(ServeConfig { web: Some(config), ..ServeConfig::default() });
    assert_eq!(authority.curl(&server, "/metrics", &[]).0, 200);
    assert_eq!(authority.curl(&server, "/metrics", &["--cert", "foreign.crt", "--key", "foreign.key"]).0, 0);
}

#[test]
fn a_handshake_has_a_time_and_half_ones_lock_no_one_out() {
    let Some(authority) = Authority::new() else { return };
    let server = with(ServeConfig {
        web: Some(authority.config(PAIR)),
        connections: 16,
        header_time: Duration::from_secs(2),
        ..ServeConfig::default()
    });
    for begin in [&[][..], &[22], &[22, 3, 1, 2, 0, 1]] {
        let mut slow = server.connect();
        slow.write_all(begin).unwrap();
        let mut rest = Vec::new();
        let ended = slow.read_to_end(&mut rest);
        let waits = ended.as_ref().is_err_and(|error| {
            matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
        });
        assert!(!waits, "after {begin:?}: {ended:?}");
    }
    let mut flood = Vec::new();
    for _ in 0..200 {
        let mut stream = server.connect();
        let _ = stream.write_all(&[22, 3, 1]);
        flood.push(stream);
    }
    assert_eq!(authority.curl(&server, "/-/healthy", &[]).0, 200);
    // Bytes of no protocol.
    for garbage in [&[22_u8; 300][..], &[22, 3, 1, 255, 255], &[0; 100], b"\x16\x03\x01\x00\x02\x01\x00"] {
        let mut stream = server.connect();
        let _ = stream.write_all(garbage);
    }
    assert_eq!(authority.curl(&server, "/-/healthy", &[]).0, 200);
}

#[test]
fn a_certificate_that_is_replaced_is_used_and_one_that_is_broken_is_not() {
    let Some(authority) = Authority::new() else { return };
    let text = format!("{PAIR}basic_auth_users:\n  alice: {HASH}\n");
    let server = with(ServeConfig { web: Some(authority.config(&text)), ..ServeConfig::default() });
    let shows = |name: &str| {
        let output = authority.s_client(&server, &[]);
        String::from_utf8_lossy(&output.stdout).contains(&format!("subject=CN = {name}\n"))
    };
    assert!(shows("server"));
    authority.sign("second", "IP:127.0.0.1", "ca", 30);
    // As certbot does it: the key first, for a moment they do not fit.
    std::fs::rename(authority.path("second.key"), authority.path("server.key")).unwrap();
    // Files are looked at when someone asks.
    until("the key that does not fit is refused", || {
        assert!(shows("server"), "what was read before stays in force");
        server.warnings().iter().any(|text| text.contains("server.key do not fit")).then_some(())
    });
    std::fs::rename(authority.path("second.crt"), authority.path("server.crt")).unwrap();
    until("the new certificate", || shows("second").then_some(()));
    // What would let everyone in, or end the encryption, is not followed while it runs.
    for (text, what) in [
        (PAIR.to_owned(), "let everyone in"),
        (format!("basic_auth_users:\n  alice: {HASH}\n"), "TLS cannot be switched"),
        (format!("{PAIR}x: y\n"), "line 4: unknown key `x`"),
    ] {
        std::fs::write(authority.path("web.yml"), text).unwrap();
        until(what, || {
            assert_eq!(authority.curl(&server, "/metrics", &[]).0, 401);
            server.warnings().iter().any(|text| text.contains(what)).then_some(())
        });
    }
    std::fs::write(authority.path("web.yml"), format!("{PAIR}basic_auth_users:\n  carol: {HASH}\n")).unwrap();
    let code = |user: &str| authority.curl(&server, "/metrics", &["-u", user]).0;
    until("the new user", || (code("carol:correct horse") == 200).then_some(()));
    assert_eq!(code("alice:correct horse"), 401);
    assert!(server.warnings().len() < 20, "each is said once: {:?}", server.warnings());
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Authorization: Basic {pair}")
}

fn users(text: &str) -> (Running, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.yml");
    std::fs::write(&path, text).unwrap();
    let web = Some(WebConfig::read(&path).unwrap());
    (with(ServeConfig { web, ..ServeConfig::default() }), folder)
}

#[test]
fn users_get_in_and_probes_of_health_need_no_one() {
    let (server, _folder) = users(&format!("basic_auth_users:\n  alice: {HASH}\n"));
    for path in ["/", "/metrics", "/api/v1/status", "/api/v1/openapi.json", "/report.html", "/nothing"] {
        let refused = server.get(path, &[]);
        assert_eq!(refused.code, 401, "{path}");
        assert!(refused.header("www-authenticate").unwrap().starts_with("basic realm="));
        for header in [
            basic("alice", "wrong"),
            basic("bob", "correct horse"),
            basic("", ""),
            format!("Authorization: Bearer {HASH}"),
            basic("alice", HASH),
        ] {
            let answer = server.get(path, &[&header]);
            assert!(answer.code == 401 && !answer.text().contains("alice"), "{path}: {answer:?}");
        }
    }
    for path in ["/-/healthy", "/healthz", "/-/ready"] {
        let answer = server.get(path, &[]);
        assert_eq!(answer.code, 200, "{path}");
        assert!(matches!(answer.text().as_str(), "poolmon is healthy\n" | "poolmon is ready\n"));
        assert_eq!(server.get(path, &["Host: evil.example"]).code, 421, "{path}");
        assert_eq!(server.get(&format!("{path}/"), &[]).code, 401, "{path}/");
    }
    let admitted = server.get("/metrics", &[&basic("alice", "correct horse")]);
    assert_eq!(admitted.code, 200);
}

/// Each wrong password costs a check on purpose. Most of a flood is refused without one, and known users are answered.
#[test]
fn a_flood_of_wrong_passwords_is_not_checked_and_locks_no_one_out() {
    let (server, _folder) = users(&format!("basic_auth_users:\n  alice: {HASH}\n"));
    let right = basic("alice", "correct horse");
    assert_eq!(server.get("/metrics", &[&right]).code, 200);
    let codes: Vec<u16> = std::thread::scope(|scope| {
        let server = &server;
        let flood = |thread: u32| {
            move || {
                (0..100)
                    .map(|n| server.get("/metrics", &[&basic("alice", &format!("{thread}-{n}"))]).code)
                    .collect::<Vec<_>>()
            }
        };
        let threads: Vec<_> = (0..4).map(|thread| scope.spawn(flood(thread))).collect();
        for _ in 0..20 {
            assert_eq!(server.get("/metrics", &[&right]).code, 200, "while it goes on");
        }
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let refused = codes.iter().filter(|code| **code == 429).count();
    assert!(
        codes.iter().all(|code| matches!(code, 401 | 429)) && refused >= 200,
        "{refused} of {}",
        codes.len()
    );
    let later = server.get("/metrics", &[&basic("alice", "one more")]);
    assert!(later.code != 429 || later.header("retry-after").is_some());
}

#[test]
fn a_configuration_that_cannot_be_used_stops_the_start_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.yml");
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        WebConfig::read(&path).map(|_| ()).map_err(|error| {
            assert!(error.remedy().is_some());
            error.to_string()
        })
    };
    let name = path.display().to_string();
    assert_eq!(
        read("basic_auth_users:\n  alice: secret\n").unwrap_err(),
        format!(
            "{name}: line 2: user `alice`: the password has to be a bcrypt hash ($2y$…): htpasswd -nB USER makes one"
        )
    );
    assert!(read(PAIR).unwrap_err().contains("server.crt"));
    std::fs::write(folder.path().join("server.crt"), "no certificate").unwrap();
    let error = read(PAIR).unwrap_err();
    assert!(error.contains("line 1: server.crt: there is no certificate"), "{error}");
    assert!(read("a: &b c").unwrap_err().contains("line 1"));
    assert!(
        WebConfig::read(Path::new("/nowhere/web.yml")).unwrap_err().to_string().contains("/nowhere/web.yml")
    );
    // Neither users nor certificates: others are not let in.
    read("http_server_config:\n  http2: false\n").unwrap();
    let source = SimulatedSource::real_time(SimulatedKernel::new(SimulationConfig::quiet()));
    let feed =
        Feed::Live(Live { source: Box::new(source), interval: Duration::from_secs(1), recording: None });
    let web = Some(WebConfig::read(&path).unwrap());
    let config = ServeConfig { web, listen: vec!["0.0.0.0:0".parse().unwrap()], ..ServeConfig::default() };
    let result = Server::new(feed, std::sync::Arc::default(), config);
    assert!(matches!(result.err(), Some(ServeError::Open(_))));
}

#[test]
fn prometheus_scrapes_by_tls_with_a_password_and_a_certificate() {
    let Some(authority) = Authority::new() else { return };
    let text = format!(
        "{PAIR}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\nbasic_auth_users:\n  scraper: {HASH}\n"
    );
    let server = with(ServeConfig { web: Some(authority.config(&text)), ..ServeConfig::default() });
    let file = |name: &str| authority.path(name).display().to_string();
    let scrape = format!(
        "    scheme: https\n    basic_auth: {{username: scraper, password: correct horse}}\n    tls_config: {{ca_file: {}, cert_file: {}, key_file: {}}}\n",
        file("ca.crt"),
        file("client.crt"),
        file("client.key")
    );
    let Some(prometheus) = Prometheus::with(&server.address.to_string(), &scrape, "") else { return };
    until("a scrape", || (prometheus.query("up{job=\"poolmon\"}").first()?.1 == 1.0).then_some(()));
    assert!(!prometheus.query("poolmon_tag_bytes").is_empty());
}
