//! Everything that may be at an endpoint, and what is said of it.

use crate::keeper::{Running, connector, serve};
use crate::security::files;
use bytes::Bytes;
use cleave_remote::proto::{HelloRequest, Versions};
use cleave_remote::security::certs::{Validity, create};
use cleave_remote::security::{Tls, TlsFiles, Token};
use cleave_remote::transport::{Connector, Dialer, Door, Endpoint, accepted, server};
use cleave_remote::versions;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const SOON: Duration = Duration::from_millis(400);

fn at(host: &str, port: u16) -> Endpoint {
    Endpoint::new(host, port)
}

/// A server that says something to everyone, whatever they say.
async fn saying(words: Option<&'static [u8]>, closes: bool) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut open = vec![];
        while let Ok((mut stream, _)) = listener.accept().await {
            if let Some(words) = words {
                let _ = stream.write_all(words).await;
            }
            if closes {
                let _ = stream.shutdown().await;
                let _ = stream.read_buf(&mut Vec::with_capacity(1000)).await;
            } else {
                open.push(stream);
            }
        }
    });
    at("127.0.0.1", port)
}

/// What comes of connecting and saying hello.
async fn greeted(connector: &Connector, endpoint: &Endpoint, versions: Option<Versions>) -> Result<(), String> {
    let connector = Connector { patience: SOON, ..connector.clone() };
    let link = connector.connect(endpoint).await.map_err(|error| error.fault.code().to_string())?;
    let hello = link.engine().hello(HelloRequest { versions }).await;
    hello.map(|_| ()).map_err(|status| link.explain(&status).fault.code().to_string())
}

async fn check(connector: &Connector, endpoint: &Endpoint, expected: Result<(), &str>, what: &str) {
    let found = greeted(connector, endpoint, Some(versions::ours())).await;
    assert_eq!(found.as_ref().map(|&()| ()).map_err(String::as_str), expected, "{what}");
}

#[tokio::test]
async fn what_is_no_worker_is_told_by_what_it_is() {
    let plain = connector(None, None);
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        at("127.0.0.1", listener.local_addr().unwrap().port())
    };
    check(&plain, &closed, Err("connection-refused"), "a closed port").await;
    check(&plain, &at("no-such-host.invalid", 1), Err("unknown-host"), "a name of nothing").await;
    let web = saying(Some(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), false).await;
    check(&plain, &web, Err("not-a-worker"), "a web server").await;
    let mail = saying(Some(b"220 mail.example.org ESMTP ready\r\n"), false).await;
    check(&plain, &mail, Err("not-a-worker"), "a mail server").await;
    let noise = saying(Some(&[0x8f; 40]), false).await;
    check(&plain, &noise, Err("not-a-worker"), "noise").await;
    let short = saying(Some(b"HTTP"), true).await;
    check(&plain, &short, Err("not-a-worker"), "half a word").await;
    let shut = saying(None, true).await;
    check(&plain, &shut, Err("connection-closed"), "a closed door").await;
    let silent = saying(None, false).await;
    check(&plain, &silent, Err("silent-endpoint"), "silence").await;
    let hole = Connector { dialer: Dialer::with(|_| std::future::pending::<std::io::Result<TcpStream>>()), ..plain };
    check(&hole, &silent, Err("connection-timed-out"), "a black hole").await;
}

#[tokio::test]
async fn grpc_of_others_is_no_worker() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = at("127.0.0.1", listener.local_addr().unwrap().port());
    let (_, health) = tonic_health::server::health_reporter();
    let served = server().add_service(health).serve_with_incoming(Door::default().admit(accepted(listener)));
    let task = tokio::spawn(served);
    check(&connector(None, None), &endpoint, Err("not-a-worker"), "another service").await;
    task.abort();
}

#[tokio::test]
async fn other_versions_are_refused_by_both_names() {
    let running = serve(Door::default(), None).await;
    let ours = versions::ours();
    let other = ours.contract + 1;
    let table = [
        (Some(Versions { contract: other, ..ours.clone() }), "contract-differs"),
        (Some(Versions { table: Bytes::from_static(&[7; 32]), ..ours.clone() }), "build-differs"),
        (None, "contract-differs"),
    ];
    for (versions, code) in table {
        assert_eq!(greeted(&connector(None, None), &running.endpoint, versions).await, Err(code.to_string()));
    }
    let theirs = Versions { build: "9.9.9".into(), contract: other, ..ours.clone() };
    let said = versions::check(Some(&theirs)).unwrap_err().to_string();
    assert!(said.contains(&format!("cleave 9.9.9 (contract {other}")) && said.contains(&ours.build), "{said}");
}

#[tokio::test]
async fn tokens_are_asked_for() {
    let token = Token::random();
    let running = serve(Door::default(), Some(token.clone())).await;
    let table = [(Some(token), Ok(())), (None, Err("token-missing")), (Some(Token::random()), Err("token-wrong"))];
    for (shown, expected) in table {
        check(&connector(None, shown), &running.endpoint, expected, "a token").await;
    }
}

/// Certificates of two authorities, and some of the first that hold no longer.
struct Pools {
    folder: TempDir,
}

impl Pools {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let names = ["localhost".to_string(), "127.0.0.1".to_string()];
        let day = Duration::from_secs(86_400);
        let (first, last) = (SystemTime::now() - 9 * day, SystemTime::now() - 3 * day);
        create(&folder.path().join("ours"), &names, Validity::days(9)).unwrap();
        create(&folder.path().join("theirs"), &names, Validity::days(9)).unwrap();
        create(&folder.path().join("named"), &["worker-7".into()], Validity::days(9)).unwrap();
        create(&folder.path().join("old"), &names, Validity { from: first, to: last }).unwrap();
        Self { folder }
    }

    fn tls(&self, ca: &str, of: &str, name: &str) -> Option<Tls> {
        let ca = self.folder.path().join(ca).join("ca.pem");
        let files = TlsFiles { ca, ..files(&self.folder.path().join(of), name) };
        Some(Tls::load(&files).unwrap())
    }

    async fn serve(&self, of: &str) -> Running {
        serve(Door { tls: self.tls(of, of, "worker"), ..Door::default() }, None).await
    }
}

#[tokio::test]
async fn certificates_are_judged_on_both_sides() {
    let pools = Pools::new();
    let (ours, named, old) = (pools.serve("ours").await, pools.serve("named").await, pools.serve("old").await);
    let client = |ca: &str, of: &str| connector(pools.tls(ca, of, "client"), None);
    check(&client("ours", "ours"), &ours.endpoint, Ok(()), "one pool").await;
    let by_name = at("localhost", ours.endpoint.port);
    check(&client("ours", "ours"), &by_name, Ok(()), "one pool, by name").await;
    let peer = connector(pools.tls("ours", "ours", "worker"), None);
    check(&peer, &ours.endpoint, Ok(()), "worker to worker").await;
    let other = Err("certificate-of-another-authority");
    check(&client("theirs", "theirs"), &ours.endpoint, other, "another pool").await;
    let refused = Err("client-certificate-refused");
    check(&client("ours", "theirs"), &ours.endpoint, refused, "another pool's client").await;
    check(&client("ours", "old"), &ours.endpoint, refused, "an old client").await;
    let found = Endpoint { name: Some("worker-7".into()), ..named.endpoint.clone() };
    check(&client("named", "named"), &found, Ok(()), "the name that led there").await;
    let name = Err("certificate-of-another-name");
    check(&client("named", "named"), &named.endpoint, name, "another name").await;
    check(&client("old", "old"), &old.endpoint, Err("certificate-expired"), "an old server").await;
    check(&connector(None, None), &ours.endpoint, Err("needs-tls"), "plain to TLS").await;
    let plain = serve(Door::default(), None).await;
    check(&client("ours", "ours"), &plain.endpoint, Err("no-tls"), "TLS to plain").await;
    let shut = saying(None, true).await;
    check(&client("ours", "ours"), &shut, Err("no-tls"), "TLS to a closed door").await;
}

#[tokio::test]
async fn whoever_shows_no_certificate_is_not_let_in() {
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, pki_types::pem::PemObject};
    let pools = Pools::new();
    let running = pools.serve("ours").await;
    let mut roots = RootCertStore::empty();
    let ca = pools.folder.path().join("ours/ca.pem");
    roots.add(tokio_rustls::rustls::pki_types::CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let ring = std::sync::Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", running.endpoint.port)).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let shaken = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config)).connect(name, stream).await;
    let mut heard = vec![];
    let outcome = match shaken {
        Ok(mut stream) => stream.read_to_end(&mut heard).await.map(|_| ()),
        Err(error) => Err(error),
    };
    assert!(outcome.unwrap_err().to_string().contains("CertificateRequired"));
    assert_eq!(heard, b"");
}

/// What a bare client hears until the connection closes.
async fn heard(endpoint: &Endpoint, words: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", endpoint.port)).await.unwrap();
    stream.write_all(words).await.unwrap();
    let mut heard = vec![];
    let _ = timeout(Duration::from_secs(20), stream.read_to_end(&mut heard)).await.expect("it closes");
    heard
}

#[tokio::test]
async fn whoever_says_nothing_of_use_is_sent_away() {
    let running = serve(Door { patience: SOON, ..Door::default() }, None).await;
    let web = heard(&running.endpoint, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(web.starts_with(b"HTTP/1.1 505") && web.ends_with(b"it speaks gRPC only.\n"));
    for words in [&b""[..], b"PRI * HTTP", b"P"] {
        assert_eq!(heard(&running.endpoint, words).await, b"", "{words:?}");
    }
    assert!(heard(&running.endpoint, &[0x16, 3, 1, 2, 0, 1]).await.starts_with(b"HTTP/1.1 505"));
    assert!(heard(&running.endpoint, &[0xff; 3000]).await.starts_with(b"HTTP/1.1 505"));
    check(&connector(None, None), &running.endpoint, Ok(()), "after all that").await;
}

#[tokio::test]
async fn no_more_come_in_than_there_is_room_for() {
    let running = serve(Door { connections: 2, patience: SOON, ..Door::default() }, None).await;
    let plain = Connector { patience: SOON, ..connector(None, None) };
    let first = plain.connect(&running.endpoint).await.unwrap();
    let second = plain.connect(&running.endpoint).await.unwrap();
    check(&plain, &running.endpoint, Err("connection-closed"), "a third").await;
    drop((first, second));
    let again = async {
        while greeted(&plain, &running.endpoint, Some(versions::ours())).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), again).await.expect("there is room again");
}

#[tokio::test]
async fn many_come_and_go() {
    let running = serve(Door { connections: 4, ..Door::default() }, None).await;
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = open();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(("127.0.0.1", running.endpoint.port)).await.unwrap();
        let _ = stream.write_all(b"PRI").await;
        drop(stream);
    }
    let settled = async {
        while greeted(&connector(None, None), &running.endpoint, Some(versions::ours())).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), settled).await.expect("it still answers");
    // Other tests of this process open files too.
    assert!(open() < before + 150, "{before} files were open, {} are", open());
}

#[test]
fn endpoints_are_a_host_and_a_port() {
    for text in ["10.0.0.2:7077", "[::1]:7077", "worker-7.pool:1", "localhost:65535"] {
        assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
    }
    for text in ["10.0.0.2:7077", "pool.default.svc@10.0.0.2:7077", "pool@[::1]:7077"] {
        assert_eq!(text.parse::<Endpoint>().unwrap().in_full(), text);
    }
    let bad = ["", ":", "host", "host:", ":7077", "host:0", "host:65536", "host:-1", "ho st:1", "::1:7077", "[::g]:1"];
    for text in
        bad.into_iter().chain(["http://host:1", "host:1/", "@host:1", "a@b@host:1", "a b@host:1", "a\0b:1", "hö:1"])
    {
        assert!(text.parse::<Endpoint>().is_err(), "{text:?}");
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_the_next_is_served() {
    use cleave_remote::proto::engine_client::EngineClient;
    let running = serve(Door::default(), None).await;
    let link = connector(None, None).connect(&running.endpoint).await.unwrap();
    let versions = Some(versions::ours());
    let mut engine = EngineClient::new(link.channel().clone()).max_encoding_message_size(usize::MAX);
    let long = Versions { build: "long".repeat(2 << 20), ..versions::ours() };
    let long = engine.hello(HelloRequest { versions: Some(long) }).await;
    assert_eq!(long.unwrap_err().code(), tonic::Code::OutOfRange);
    let mut wordy = tonic::Request::new(HelloRequest { versions });
    wordy.metadata_mut().insert("authorization", "f".repeat(1_000_000).parse().unwrap());
    assert!(engine.hello(wordy).await.is_err());
    check(&connector(None, None), &running.endpoint, Ok(()), "after both").await;
}
