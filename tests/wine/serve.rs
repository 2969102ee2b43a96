//! The server under Wine: its page and metrics have the figures of the kernel that we play; users are asked; TLS is refused.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::script::{Script, many};
use crate::tables::{fed, reported};
use crate::terminal::Terminal;
use crate::wine::{Wine, texts};

/// Of the password `correct horse`.
const USERS: &str =
    "basic_auth_users:\n  alice: $2b$04$wlPkQTP21/qNm64PoFwrNOVHzQBQ8deHargsB24lNixVlsPhOGjhG\n";
/// `alice:correct horse`, as Basic authentication sends it.
const ALICE: &str = "Authorization: Basic YWxpY2U6Y29ycmVjdCBob3JzZQ==\r\n";

/// The answer to a request: its code and what follows the headers.
fn get(port: u16, path: &str, headers: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_mins(1))).expect("a time limit");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n{headers}\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("headers");
    (head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a code"), body.to_owned())
}

#[test]
fn serves_the_kernels_figures_to_those_who_may_ask() {
    let Some(wine) = Wine::ready() else { return };
    let Some(terminal) = Terminal::open() else { return };
    let rows = many(40);
    let script = Script::new().table(&rows);
    fs::write(wine.folder.join("web.yml"), USERS).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let words = format!("serve --listen 127.0.0.1:{port} --interval 1s --top 100 --web.config.file web.yml");
    terminal.run(&wine.shell_line(&script, &words));
    terminal.wait("the address", |screen| screen.contains(&format!("http://127.0.0.1:{port}/")));
    assert_eq!(get(port, "/-/healthy", "").0, 200);
    assert_eq!(get(port, "/metrics", "").0, 401);
    let (code, page) = get(port, "/", ALICE);
    assert!(code == 200 && page.contains("<title>poolmon</title>"), "{page}");
    let (_, table) = get(port, "/api/v1/table", ALICE);
    assert_eq!(reported(&serde_json::from_str(&table).expect("JSON")), fed(&rows));
    let (_, metrics) = get(port, "/metrics", ALICE);
    for ((tag, pool), [allocs, frees, bytes]) in fed(&rows) {
        for (name, value) in [("bytes", bytes), ("allocs_total", allocs), ("frees_total", frees)] {
            let line = format!("poolmon_tag_{name}{{tag=\"{tag}\",pool=\"{pool}\"}} {value}\n");
            assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
        }
    }
    terminal.keys(&["C-c"]);
    terminal.wait("the end", |screen| screen.contains("code=0"));
}

#[test]
fn refuses_what_it_has_no_room_for() {
    let Some(wine) = Wine::ready() else { return };
    let script = Script::new().table(&many(10));
    let section = "tls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n";
    fs::write(wine.folder.join("web.yml"), format!("{USERS}{section}")).unwrap();
    let (_, said) = texts(
        &wine.run(Some(&script), &["serve", "--listen", "127.0.0.1:0", "--web.config.file", "web.yml"]),
    );
    assert!(said.contains("line 3: `tls_server_config` is not supported on Windows"), "{said}");
    assert!(said.contains("reverse proxy"), "{said}");
}
