//! How fast large values travel over loopback: a bare socket, gRPC, gRPC with mutual TLS, in turn.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "../tests/wire/keeper.rs"]
#[allow(dead_code)]
mod keeper;

use bytes::Bytes;
use cleave_remote::bulk::{Fetch, fetch};
use cleave_remote::security::certs::{Validity, create};
use cleave_remote::security::{Tls, TlsFiles};
use cleave_remote::transport::{Door, Link};
use keeper::{Running, connector, put_item, serve};
use std::path::Path;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const NBYTES: usize = 100 << 20;
const ROUNDS: usize = 9;

fn tls(folder: &Path, name: &str) -> Tls {
    let at = |name: &str| folder.join(name);
    let (cert, key) = (at(&format!("{name}.pem")), at(&format!("{name}-key.pem")));
    Tls::load(&TlsFiles { ca: at("ca.pem"), cert, key }).unwrap()
}

async fn keeping(door: Door, data: &Bytes, tls: Option<Tls>) -> (Running, Link) {
    let running = serve(door, None).await;
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

async fn read(port: u16, into: &mut [u8]) -> f64 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let start = Instant::now();
    stream.read_exact(into).await.unwrap();
    rate(start)
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

async fn bare(data: Bytes) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            for part in data.chunks(1 << 20) {
                stream.write_all(part).await.unwrap();
            }
        }
    });
    port
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let data = Bytes::from(vec![7; NBYTES]);
    let folder = tempfile::tempdir().unwrap();
    create(folder.path(), &["127.0.0.1".into()], Validity::days(2)).unwrap();
    let door = Door { tls: Some(tls(folder.path(), "worker")), ..Door::default() };
    let (_plain, plain) = keeping(Door::default(), &data, None).await;
    let (_secured, secured) = keeping(door, &data, Some(tls(folder.path(), "client"))).await;
    let port = bare(data).await;
    let mut into = vec![0; NBYTES];
    let (mut rates, mut cpu) = ([const { vec![] }; 3], [0.0; 3]);
    for way in (0..ROUNDS).flat_map(|_| 0..3) {
        let before = cpu_s();
        rates[way].push(match way {
            0 => read(port, &mut into).await,
            1 => fetched(&plain, &mut into).await,
            _ => fetched(&secured, &mut into).await,
        });
        cpu[way] += (cpu_s() - before) / ROUNDS as f64;
    }
    rates.iter_mut().for_each(|list| list.sort_by(f64::total_cmp));
    for ((name, list), cpu) in ["bare socket", "gRPC", "gRPC, mutual TLS"].iter().zip(&rates).zip(cpu) {
        let (median, best) = (list[ROUNDS / 2], list[ROUNDS - 1]);
        let (part, bare) = (100.0 * median / rates[0][ROUNDS / 2], 100.0 * best / rates[0][ROUNDS - 1]);
        println!(
            "{name:>16}: {median:6.0} MB/s ({best:6.0}), {part:4.0} % ({bare:4.0} %) of the bare socket, {cpu:.3} s CPU"
        );
    }
}
