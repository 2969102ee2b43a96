//! Who must be refused, and what must not bring the server down.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use poolmon_serve::{ServeConfig, Tokens};
use poolmon_synth::{SimulatedKernel, SimulatedSource, SimulationConfig};

use crate::{Answer, Running};

const ROUTES: [&str; 10] = [
    "/",
    "/app.js",
    "/metrics",
    "/-/healthy",
    "/-/ready",
    "/api/v1/status",
    "/api/v1/rows",
    "/api/v1/events",
    "/report.html",
    "/nothing",
];

fn with(config: ServeConfig) -> Running {
    let source = SimulatedSource::real_time(SimulatedKernel::new(SimulationConfig::quiet()));
    Running::new(source, Duration::from_hours(1), config)
}

#[test]
fn a_name_that_a_stranger_points_here_is_refused_on_every_route() {
    let server = with(ServeConfig { hosts: vec!["metrics.example".to_owned()], ..ServeConfig::default() });
    for path in ROUTES {
        for host in ["evil.example", "evil.example:17665", "localhost.evil.example", ""] {
            assert_eq!(server.get(path, &[&format!("Host: {host}")]).code, 421, "{path} {host}");
        }
        assert_eq!(server.get(path, &["Host: localhost", "Host: evil.example"]).code, 421, "{path}");
    }
    let without = server.send(b"GET /metrics HTTP/1.0\r\n\r\n");
    assert_eq!(without.code, 421);
    let absolute = server
        .send(b"GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!(absolute.code, 421);
    for host in ["localhost", "metrics.example:1", "127.0.0.1"] {
        assert_eq!(server.get("/-/healthy", &[&format!("Host: {host}")]).code, 200, "{host}");
    }
}

#[test]
fn another_sites_page_can_neither_read_nor_write() {
    let server = with(ServeConfig::default());
    for path in ROUTES {
        for headers in [
            &["Origin: http://evil.example"][..],
            &["Origin: null"],
            &["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors"],
            &["Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: no-cors"],
        ] {
            assert_eq!(server.get(path, headers).code, 403, "{path} {headers:?}");
        }
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            let request =
                format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", server.address);
            let answer = server.send(request.as_bytes());
            assert_eq!(answer.code, 405, "{method} {path}");
            assert!(answer.header("access-control-allow-origin").is_none());
        }
    }
    let own = format!("Origin: http://{}", server.address);
    assert_eq!(server.get("/api/v1/status", &[&own]).code, 200);
    let followed = ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Accept-Encoding: gzip"];
    assert_eq!(server.get("/", &followed).code, 200, "a link in a ticket");
    let body = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\nContent-Length: 5\r\n\r\nhello", server.address);
    assert_eq!(server.send(body.as_bytes()).code, 413);
}

#[test]
fn paths_lead_nowhere_else_and_headers_are_not_made_of_requests() {
    let server = with(ServeConfig::default());
    for path in [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "//etc/passwd",
        "/..%2fetc/passwd",
        "/app.js/../../x",
        "/app.js%00",
        "/APP.JS",
        "/api/v1/../../metrics",
        "/.git/config",
        "/metrics/",
    ] {
        let answer = server.get(path, &[]);
        assert!(matches!(answer.code, 400 | 404), "{path}: {}", answer.code);
        assert!(!answer.text().contains("root:"), "{path}");
    }
    for path in [
        "/api/v1/rows?search=%0d%0aX-Evil:%201",
        "/api/v1/rows?sort=%0d%0aX-Evil:%201",
        "/%0d%0aX-Evil:%201",
        "/api/v1/row?pool=%0d%0aX-Evil:%201&tag=a",
    ] {
        let answer = server.get(path, &["If-None-Match: \"%0d%0aX-Evil: 1\""]);
        assert!(!answer.head.contains("x-evil"), "{path}: {}", answer.head);
    }
    let split = server.send(b"GET /x\r\nX-Evil: 1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(!split.head.contains("x-evil") && split.code != 200, "{}", split.head);
}

/// What follows a refused body is part of it, never a request of its own that a proxy did not see.
#[test]
fn a_request_is_not_smuggled_in_the_body_of_another() {
    let server = with(ServeConfig::default());
    let inner = "GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let (length, chunk) = (inner.len(), format!("{:x}\r\n{inner}\r\n0\r\n\r\n", inner.len()));
    for (headers, body) in [
        (format!("Content-Length: {length}\r\n"), inner),
        ("Transfer-Encoding: chunked\r\n".to_owned(), chunk.as_str()),
        (format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"), chunk.as_str()),
        (format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"), inner),
        (format!("Content-Length: {length}\r\nContent-Length: 0\r\n"), inner),
        ("Transfer-Encoding: xchunked\r\n".to_owned(), inner),
        ("Content-Length: -1\r\n".to_owned(), inner),
        ("Content-Length : 0\r\n".to_owned(), inner),
    ] {
        for method in ["GET", "POST"] {
            let request = format!(
                "{method} /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n{body}"
            );
            let answer = server.send(request.as_bytes());
            let all = format!("{}{}", answer.head, answer.text());
            assert!(matches!(answer.code, 0 | 400 | 405 | 413 | 501), "{headers:?}: {all}");
            assert!(!all.contains("poolmon.status/1"), "{headers:?}: {all}");
        }
    }
    // Another protocol, and requests one after the other in one packet: each is answered, in order.
    assert_ne!(server.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").code, 200);
    let one = "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n";
    let many = format!("{}{one}Connection: close\r\n\r\n", format!("{one}\r\n").repeat(500));
    let answer = server.send(many.as_bytes());
    assert_eq!(answer.text().matches("poolmon is healthy").count(), 501);
}

#[test]
fn every_answer_has_the_headers_that_keep_the_page_to_itself() {
    let server = with(ServeConfig::default());
    for path in ROUTES.iter().filter(|path| **path != "/api/v1/events") {
        let answer = server.get(path, &["Accept-Encoding: gzip"]);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{path}");
        assert!(policy.contains("frame-ancestors 'none'"));
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
    }
    let refused = server.get("/", &["Host: evil.example"]);
    assert!(refused.header("content-security-policy").is_some(), "refusals too");
}

#[cfg(unix)]
#[test]
fn only_a_token_admits_and_on_every_route() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tokens");
    std::fs::write(&file, "correct-horse-battery\n").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let server = with(ServeConfig { tokens: Some(Tokens::read(&file).unwrap()), ..ServeConfig::default() });
    let probes = ["/-/healthy", "/-/ready"];
    for path in probes {
        assert_eq!(server.get(path, &[]).code, 200, "a kubelet sends no token");
    }
    for path in ROUTES.into_iter().filter(|path| !probes.contains(path)) {
        for headers in [
            &[][..],
            &["Authorization: Bearer wrong-horse-battery"],
            &["Authorization: Bearer "],
            &["Authorization: correct-horse-battery"],
            &["Authorization: Basic !!!"],
            &["Authorization: Basic Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5"],
            &["Cookie: token=correct-horse-battery"],
        ] {
            let answer = server.get(path, headers);
            assert_eq!(answer.code, 401, "{path} {headers:?}");
            assert!(answer.header("www-authenticate").unwrap().starts_with("basic realm="));
            assert!(!answer.text().contains("horse"), "{path}");
        }
        assert_eq!(server.get(&format!("{path}?token=correct-horse-battery"), &[]).code, 401, "{path}");
    }
    let admitted = |header: &str| server.get("/metrics", &[header]).code;
    assert_eq!(admitted("Authorization: Bearer correct-horse-battery"), 200);
    // user:correct-horse-battery
    assert_eq!(admitted("Authorization: Basic dXNlcjpjb3JyZWN0LWhvcnNlLWJhdHRlcnk="), 200);
}

#[test]
fn others_are_not_let_in_without_a_token() {
    use poolmon_model::problem::Remedy as _;
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:17665"] {
        let source = SimulatedSource::real_time(SimulatedKernel::new(SimulationConfig::quiet()));
        let feed = poolmon_serve::Feed::Live(poolmon_serve::Live {
            source: Box::new(source),
            interval: Duration::from_secs(1),
            recording: None,
        });
        let config = ServeConfig { listen: vec![address.parse().unwrap()], ..ServeConfig::default() };
        let owners = std::sync::Arc::new(poolmon_owner::Owners::new());
        let Err(error) = poolmon_serve::Server::new(feed, owners, config) else { panic!("{address}") };
        assert!(error.to_string().contains("--token-file"), "{error}");
        assert!(error.remedy().unwrap().contains("127.0.0.1"), "{error}");
    }
}

#[test]
fn a_port_in_use_is_named_with_another_one() {
    use poolmon_model::problem::Remedy as _;
    let server = with(ServeConfig::default());
    let source = SimulatedSource::real_time(SimulatedKernel::new(SimulationConfig::quiet()));
    let feed = poolmon_serve::Feed::Live(poolmon_serve::Live {
        source: Box::new(source),
        interval: Duration::from_secs(1),
        recording: None,
    });
    let config = ServeConfig { listen: vec![server.address], ..ServeConfig::default() };
    let owners = std::sync::Arc::new(poolmon_owner::Owners::new());
    let second = poolmon_serve::Server::new(feed, owners, config).unwrap();
    let error = second.run(&poolmon_record::Stop::default(), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains(&server.address.to_string()), "{error}");
    assert!(error.remedy().unwrap().starts_with("choose another port: --listen 127.0.0.1:"), "{error}");
}

#[test]
fn a_header_that_is_too_long_or_never_ends_is_not_waited_for() {
    let server = with(ServeConfig { header_time: Duration::from_millis(400), ..ServeConfig::default() });
    let long = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "a".repeat(200_000));
    assert!(matches!(server.send(long.as_bytes()).code, 0 | 400 | 431));
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: a\r\n".repeat(2_000));
    assert!(matches!(server.send(many.as_bytes()).code, 0 | 400 | 431));
    // Slowloris: a byte at a time.
    let mut slow = server.connect();
    let began = Instant::now();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: loc").unwrap();
    while began.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(50));
        if slow.write_all(b"a").is_err() {
            break;
        }
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // A connection that says nothing at all, and one that was used and is idle.
    let mut idle = server.connect();
    write!(idle, "GET /-/healthy HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).unwrap();
    for mut stream in [server.connect(), idle] {
        let began = Instant::now();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn a_flood_of_connections_locks_no_one_out() {
    let config =
        ServeConfig { connections: 32, header_time: Duration::from_mins(10), ..ServeConfig::default() };
    let server = with(config);
    // A listener to events is busy: it is not the one that goes.
    let mut events = server.connect();
    write!(events, "GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).unwrap();
    let mut first = [0; 64];
    assert!(events.read(&mut first).unwrap() > 0);
    let mut flood: Vec<TcpStream> = Vec::new();
    // In turns: they are not all open at once, as this process has a limit of descriptors, too.
    for n in 0..10_000 {
        if let Ok(mut stream) = TcpStream::connect(server.address) {
            let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: loc");
            flood.push(stream);
        }
        if n % 400 == 0 {
            assert_eq!(server.get("/-/healthy", &[]).code, 200, "after {n} connections");
            flood.drain(..flood.len() / 2);
        }
    }
    assert_eq!(server.get("/metrics", &[]).code, 200);
    events.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut rest = Vec::new();
    let error = events.read_to_end(&mut rest).expect_err("it is still open");
    assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut), "{error}");
}

#[test]
fn listeners_to_events_have_a_limit() {
    let server = with(ServeConfig { listeners: 2, ..ServeConfig::default() });
    let listen = || {
        let mut stream = server.connect();
        write!(stream, "GET /api/v1/events HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).unwrap();
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        (stream, String::from_utf8_lossy(&first).into_owned())
    };
    let open = [listen(), listen()];
    assert!(open.iter().all(|(_, line)| line.ends_with("200")), "{open:?}");
    assert!(listen().1.ends_with("503"));
    drop(open);
    server.wait("a place is free again", |_| listen().1.ends_with("200").then_some(()));
}

/// Of a large answer nothing is read: the connection is closed, and others are answered meanwhile.
#[test]
fn a_reader_that_does_not_read_is_dropped() {
    let kernel = SimulatedKernel::new(SimulationConfig::default());
    let source = SimulatedSource::real_time(kernel);
    let config = ServeConfig { write_time: Duration::from_millis(500), ..ServeConfig::default() };
    let server = Running::new(source, Duration::from_hours(1), config);
    let mut slow = server.connect();
    // Twenty tables of megabytes: more than both buffers hold.
    for _ in 0..20 {
        write!(slow, "GET /api/v1/table HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).unwrap();
    }
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(server.get("/-/healthy", &[]).code, 200);
    let answer = Answer::read(&mut slow);
    let whole = server.text("/api/v1/table").len() * 20;
    assert!(answer.body.len() < whole, "{} of {whole} bytes", answer.body.len());
}
