//! How fast large values travel over loopback: a bare socket, mutual TLS with nothing else on one connection and on
//! two, gRPC, gRPC with mutual TLS, in turn. With `--json` as one line for programs.

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
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Handle, Runtime};
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::{TlsAcceptor, TlsConnector};

const NBYTES: usize = 100 << 20;
const ROUNDS: usize = 15;
/// Rounds before those that count: connections are made, and memory is there afterwards.
const FIRST_ROUNDS: usize = 2;
const WAYS: [&str; 5] =
    ["bare socket", "mutual TLS, nothing else", "the same, two connections", "gRPC", "gRPC, mutual TLS"];

/// What is encrypted before it is written, and read before it is decrypted, as in the service.
const ENCRYPTED_BYTES: usize = 272 << 10;
const READ_BYTES: usize = 128 << 10;

/// Seconds of a transfer, by the clock and of computing.
#[derive(Clone, Copy)]
struct Took {
    wall_s: f64,
    cpu_s: f64,
}

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

async fn fetched(link: &Link, into: &mut [u8]) {
    let wanted = Fetch { item: put_item(1), epoch: 0, nbytes: NBYTES as u64 };
    fetch(link, &wanted, into).await.unwrap();
}

async fn read(mut stream: impl AsyncRead + Unpin, into: &mut [u8]) {
    stream.read_exact(into).await.unwrap();
}

async fn connected(port: u16) -> BufReader<TcpStream> {
    BufReader::with_capacity(READ_BYTES, TcpStream::connect(("127.0.0.1", port)).await.unwrap())
}

/// Seconds of computing time that this process has taken so far.
fn cpu_s() -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() / TICKS_A_SECOND
}

/// Sends the value to whoever connects, encrypted where that is wanted.
async fn bare(data: Bytes, tls: Option<Tls>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream: Box<dyn Stream> = match &tls {
                Some(tls) => {
                    let mut stream = TlsAcceptor::from(tls.configs().1).accept(stream).await.unwrap();
                    stream.get_mut().1.set_buffer_limit(Some(ENCRYPTED_BYTES));
                    Box::new(stream)
                }
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

/// Two halves at once, each over its own connection.
async fn halves(shake: &TlsConnector, name: &ServerName<'static>, port: u16, into: &mut Vec<Vec<u8>>) {
    let read_half = |mut half: Vec<u8>| {
        let (shake, name) = (shake.clone(), name.clone());
        tokio::spawn(async move {
            read(shake.connect(name, connected(port).await).await.unwrap(), &mut half).await;
            half
        })
    };
    let reading: Vec<_> = into.drain(..).map(read_half).collect();
    for half in reading {
        into.push(half.await.unwrap());
    }
}

/// What each way took, round after round.
async fn measure(serving: Handle, folder: PathBuf) -> Vec<[Took; WAYS.len()]> {
    let data = Bytes::from(vec![7; NBYTES]);
    let (worker, client) = (tls(&folder, "worker"), tls(&folder, "client"));
    let door = Door { tls: Some(worker.clone()), ..Door::default() };
    let (_plain, plain) = keeping(&serving, Door::default(), &data, None).await;
    let (_secured, secured) = keeping(&serving, door, &data, Some(client.clone())).await;
    let half = data.slice(..NBYTES / 2);
    let served = [(data.clone(), None), (data, Some(worker.clone())), (half, Some(worker))];
    let [port, tls_port, half_port] = served.map(|(data, tls)| serving.spawn(bare(data, tls)));
    let (port, tls_port, half_port) = (port.await.unwrap(), tls_port.await.unwrap(), half_port.await.unwrap());
    let shake = TlsConnector::from(client.configs().0);
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let (mut into, mut parts) = (vec![0; NBYTES], vec![vec![0; NBYTES / 2]; 2]);
    let mut rounds = Vec::new();
    for _ in 0..FIRST_ROUNDS + ROUNDS {
        let mut round = [Took { wall_s: 0.0, cpu_s: 0.0 }; WAYS.len()];
        for (way, took) in round.iter_mut().enumerate() {
            let (start, before) = (Instant::now(), cpu_s());
            match way {
                0 => read(connected(port).await, &mut into).await,
                1 => read(shake.connect(name.clone(), connected(tls_port).await).await.unwrap(), &mut into).await,
                2 => halves(&shake, &name, half_port, &mut parts).await,
                3 => fetched(&plain, &mut into).await,
                _ => fetched(&secured, &mut into).await,
            }
            *took = Took { wall_s: start.elapsed().as_secs_f64(), cpu_s: cpu_s() - before };
        }
        rounds.push(round);
    }
    rounds.split_off(FIRST_ROUNDS)
}

/// Threads as a kernel and a worker have them.
fn threads() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn median(mut found: Vec<f64>) -> f64 {
    found.sort_by(f64::total_cmp);
    found[found.len() / 2]
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    create(folder.path(), &["127.0.0.1".into()], Validity::days(2)).unwrap();
    // Values are fetched by tasks beside those of the connection, as in the kernel.
    let (serving, asking) = (threads(), threads());
    let measured = asking.spawn(measure(serving.handle().clone(), folder.path().into()));
    let rounds = asking.block_on(measured).unwrap();
    let json = std::env::args().any(|argument| argument == "--json");
    let mut facts = Vec::new();
    for (way, name) in WAYS.iter().enumerate() {
        let of =
            |what: fn(&[Took; WAYS.len()], usize) -> f64| median(rounds.iter().map(|round| what(round, way)).collect());
        let rate = of(|round, way| NBYTES as f64 / 1e6 / round[way].wall_s);
        // Each beside the bare socket of its own round, which other work on the machine slowed as well.
        let ratio = of(|round, way| round[0].wall_s / round[way].wall_s);
        let cpu: f64 = rounds.iter().map(|round| round[way].cpu_s).sum::<f64>() / ROUNDS as f64;
        let bare_cpu: f64 = rounds.iter().map(|round| round[0].cpu_s).sum::<f64>() / ROUNDS as f64;
        facts.push(format!("\"{name}\": {{\"mb_s\": {rate:.1}, \"ratio\": {ratio:.4}, \"cpu_s\": {cpu:.4}}}"));
        if !json {
            let (ratio, by_cpu) = (ratio * 100.0, bare_cpu / cpu * 100.0);
            println!(
                "{name:>25}: {rate:6.0} MB/s, {ratio:4.0} % of the bare socket; {cpu:.3} s CPU, which is {by_cpu:3.0} %"
            );
        }
    }
    if json {
        println!("{{{}}}", facts.join(", "));
    }
}
