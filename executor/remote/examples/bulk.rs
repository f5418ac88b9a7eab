//! How fast large values travel over loopback: a bare socket, TLS with nothing else, gRPC, gRPC with
//! mutual TLS, in turn.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/wire/keeper.rs"]
#[allow(dead_code)]
mod keeper;

use bytes::Bytes;
use cleave_remote::bulk::{Fetch, fetch};
use cleave_remote::security::certs::{Validity, create};
use cleave_remote::security::{Tls, TlsFiles};
use cleave_remote::transport::{Door, Link, Stream};
use keeper::{Running, connector, put_item, serve};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Handle, Runtime};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::{TlsAcceptor, TlsConnector};

const NBYTES: usize = 100 << 20;
const ROUNDS: usize = 9;

fn tls(folder: &Path, name: &str) -> Tls {
    let at = |name: &str| folder.join(name);
    let (cert, key) = (at(&format!("{name}.pem")), at(&format!("{name}-key.pem")));
    Tls::load(&TlsFiles { ca: at("ca.pem"), cert, key }).unwrap()
}

async fn keeping(serving: &Handle, door: Door, data: &Bytes, tls: Option<Tls>) -> (Running, Link) {
    let running = serving.spawn(serve(door, None)).await.unwrap();
    running.keeper.kept.lock().unwrap().insert(1, (data.clone(), Some(crc32c::crc32c(data))));
    let link = connector(tls, None).connect(&running.endpoint).await.unwrap();
    (running, link)
}

async fn fetched(link: &Link, into: &mut [u8]) -> f64 {
    let wanted = Fetch { item: put_item(1), epoch: 0, nbytes: NBYTES as u64 };
    let start = Instant::now();
    fetch(link, &wanted, into).await.unwrap();
    rate(start)
}

async fn read(mut stream: impl AsyncRead + Unpin, into: &mut [u8]) -> f64 {
    let start = Instant::now();
    stream.read_exact(into).await.unwrap();
    rate(start)
}

async fn connected(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

/// Seconds of computing time that this process has taken so far.
fn cpu_s() -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS_A_SECOND
}

fn rate(start: Instant) -> f64 {
    NBYTES as f64 / 1e6 / start.elapsed().as_secs_f64()
}

/// Sends the value to whoever connects, encrypted where that is wanted.
async fn bare(data: Bytes, tls: Option<Tls>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream: Box<dyn Stream> = match &tls {
                Some(tls) => Box::new(TlsAcceptor::from(tls.configs().1).accept(stream).await.unwrap()),
                None => Box::new(stream),
            };
            for part in data.chunks(1 << 20) {
                stream.write_all(part).await.unwrap();
            }
            stream.flush().await.unwrap();
        }
    });
    port
}

const WAYS: [&str; 4] = ["bare socket", "TLS, nothing else", "gRPC", "gRPC, mutual TLS"];

/// Rates and seconds of computing of each way, in turn.
async fn measure(serving: Handle, folder: PathBuf) -> [(Vec<f64>, f64); 4] {
    let data = Bytes::from(vec![7; NBYTES]);
    let (worker, client) = (tls(&folder, "worker"), tls(&folder, "client"));
    let door = Door { tls: Some(worker.clone()), ..Door::default() };
    let (_plain, plain) = keeping(&serving, Door::default(), &data, None).await;
    let (_secured, secured) = keeping(&serving, door, &data, Some(client.clone())).await;
    let ports = [(data.clone(), None), (data, Some(worker))].map(|(data, tls)| serving.spawn(bare(data, tls)));
    let [port, tls_port] = ports.map(|port| async { port.await.unwrap() });
    let (port, tls_port) = (port.await, tls_port.await);
    let shake = TlsConnector::from(client.configs().0);
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let mut into = vec![0; NBYTES];
    let mut found = [const { (vec![], 0.0) }; 4];
    for way in (0..ROUNDS).flat_map(|_| 0..WAYS.len()) {
        let before = cpu_s();
        found[way].0.push(match way {
            0 => read(connected(port).await, &mut into).await,
            1 => read(shake.connect(name.clone(), connected(tls_port).await).await.unwrap(), &mut into).await,
            2 => fetched(&plain, &mut into).await,
            _ => fetched(&secured, &mut into).await,
        });
        found[way].1 += (cpu_s() - before) / ROUNDS as f64;
    }
    found
}

/// Threads as a kernel and a worker have them, one each here.
fn thread() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    create(folder.path(), &["127.0.0.1".into()], Validity::days(2)).unwrap();
    // Values are fetched by tasks beside those of the connection, as in the kernel.
    let (serving, asking) = (thread(), thread());
    let measured = asking.spawn(measure(serving.handle().clone(), folder.path().into()));
    let mut found = asking.block_on(measured).unwrap();
    found.iter_mut().for_each(|(rates, _)| rates.sort_by(f64::total_cmp));
    let middle = |way: usize| (found[way].0[ROUNDS / 2], found[way].0[ROUNDS - 1], found[way].1);
    for (way, name) in WAYS.iter().enumerate() {
        let ((median, best, cpu), (bare_median, bare_best, bare_cpu)) = (middle(way), middle(0));
        let [by_median, by_best, by_cpu] =
            [median / bare_median, best / bare_best, bare_cpu / cpu].map(|part| part * 100.0);
        println!(
            "{name:>17}: {median:6.0} MB/s ({best:6.0}), {by_median:4.0} % ({by_best:4.0} %) of the bare socket, \
             {cpu:.3} s CPU ({by_cpu:3.0} %)"
        );
    }
    let part = |part: f64, of: f64| 100.0 * part / of;
    let (tls, secured) = (middle(1), middle(3));
    println!(
        "gRPC has {:.0} % ({:.0} %) of what TLS by itself has, by computing time {:.0} %",
        part(secured.0, tls.0),
        part(secured.1, tls.1),
        part(tls.2, secured.2)
    );
}
