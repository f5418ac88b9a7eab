//! Who is let in, by a client that knows nothing of the server: bytes over a socket.

use cleave_dashboard::{Dashboard, Metrics};
use cleave_session::Board;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The answer to a request, or what of it came in a second.
fn ask(at: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(at).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(1))).expect("a socket waits");
    stream.write_all(request.as_bytes()).expect("it takes requests");
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(n @ 1..) = stream.read(&mut piece) {
        answer.extend_from_slice(&piece[..n]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(page: &Dashboard, path: &str, host: &str) -> String {
    ask(page.at, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
}

fn status(answer: &str) -> &str {
    answer.split_whitespace().nth(1).unwrap_or("none")
}

#[test]
fn the_page_is_for_those_with_its_address() {
    let page = Dashboard::open(&Board::default()).expect("a page");
    assert!(page.at.ip().is_loopback());
    let own = page.at.to_string();
    let token = page.url.split_once("token=").expect("a token").1;
    let cases = [
        (format!("/?token={token}"), own.as_str(), "200"),
        (format!("/metrics?token={token}"), &own, "200"),
        ("/".to_owned(), &own, "403"),
        ("/?token=".to_owned(), &own, "403"),
        (format!("/?token={}", "0".repeat(32)), &own, "403"),
        ("/events".to_owned(), &own, "403"),
        ("/metrics".to_owned(), &own, "403"),
        (format!("/?token={token}"), "evil.example", "403"),
        (format!("/?token={token}"), "", "403"),
        (format!("/../../etc/passwd?token={token}"), &own, "404"),
        (format!("/%2e%2e%2fetc%2fpasswd?token={token}"), &own, "404"),
        (format!("//etc/passwd?token={token}"), &own, "404"),
        ("/../../etc/passwd".to_owned(), &own, "403"),
    ];
    for (path, host, want) in cases {
        let answer = get(&page, &path, host);
        assert_eq!(status(&answer), want, "{path} as {host}: {answer}");
        assert!(!answer.contains("root:"), "{path}");
        assert!(answer.to_lowercase().contains("content-security-policy: default-src 'none'"), "{path}: {answer}");
    }
    let post =
        format!("POST /?token={token} HTTP/1.1\r\nHost: {own}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&ask(page.at, &post)), "405");
    assert_eq!(status(&ask(page.at, "nonsense\r\n\r\n")), "400");
    assert_eq!(status(&get(&page, &format!("/?token={token}"), &own)), "200", "it still answers");
}

#[test]
fn the_page_loads_nothing_from_elsewhere() {
    let page = Dashboard::open(&Board::default()).expect("a page");
    let path = page.url.split_once(&page.at.to_string()).expect("its address").1;
    let text = get(&page, path, &page.at.to_string());
    let body = text.split_once("\r\n\r\n").expect("a body").1;
    assert!(!body.contains("src=") && !body.contains("http:") && !body.contains("https:"), "{body}");
}

#[test]
fn events_are_lines_of_markup_in_quotes() {
    let page = Dashboard::open(&Board::default()).expect("a page");
    let token = page.url.split_once("token=").expect("a token").1;
    let text = get(&page, &format!("/events?token={token}"), &page.at.to_string());
    assert!(text.contains("text/event-stream"), "{text}");
    let line = text.lines().find_map(|l| l.strip_prefix("data: ")).expect("an event");
    let markup: String = serde_json::from_str(line).expect("text in quotes");
    assert!(markup.contains("Nothing was computed yet."), "{markup}");
}

#[test]
fn metrics_have_a_door_of_their_own() {
    let metrics = Metrics::open(SocketAddr::from(([127, 0, 0, 1], 0)), || "cleave_up 1\n".to_owned()).expect("a door");
    let request = |path: &str, host: &str| {
        ask(metrics.at, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
    };
    let own = metrics.at.to_string();
    assert!(request("/metrics", &own).ends_with("cleave_up 1\n"));
    assert_eq!(status(&request("/", &own)), "404");
    assert_eq!(status(&request("/metrics", "evil.example")), "403");
}
