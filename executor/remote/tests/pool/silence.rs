//! A kernel that falls silent, as it is seen by a worker.

use crate::abuse::opening;
use cleave_remote::proto::{Order, StatusRequest, order};
use cleave_remote::transport::{Connector, Dialer, Endpoint};
use cleave_remote::worker::{KEEP, Unbound, WorkerOptions};
use futures_util::{StreamExt, stream};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use turmoil::net::{TcpListener, TcpStream};

pub(crate) const PORT: u16 = 7077;
pub(crate) const BRIEFLY: Duration = Duration::from_secs(1);

pub(crate) async fn work(keep: Duration) -> Result<(), Box<dyn std::error::Error>> {
    let worker = Unbound::new(WorkerOptions { threads: 1, keep, ..WorkerOptions::default() })?;
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let incoming = stream::unfold(listener, |listener| async move { Some((listener.accept().await, listener)) });
    worker.serve(incoming, std::future::pending()).await?;
    Ok(())
}

pub(crate) fn connector() -> Connector {
    let dialer = Dialer::with(|endpoint: Endpoint| TcpStream::connect((endpoint.host, endpoint.port)));
    Connector { dialer, ..Connector::default() }
}

fn endpoint() -> Endpoint {
    Endpoint::new("worker", PORT)
}

/// How long after its network was cut a kernel is forgotten by a worker that keeps what it left for so long.
fn forgotten_after(keep: Duration) -> Duration {
    let mut sim = turmoil::Builder::new().simulation_duration(Duration::from_secs(180)).build();
    sim.host("worker", move || work(keep));
    let parted = Arc::new(Mutex::new(None));
    let at = Arc::clone(&parted);
    let after = Arc::new(Mutex::new(None));
    let told_after = Arc::clone(&after);
    sim.client("kernel", async move {
        let link = connector().connect(&endpoint()).await?;
        let orders = stream::iter([Order { order: Some(order::Order::Open(opening())) }]).chain(stream::pending());
        let mut events = link.engine().run(orders).await?.into_inner();
        assert!(!events.message().await?.unwrap_or_default().events.is_empty());
        // As long as it is there it need not say anything.
        tokio::time::sleep(Duration::from_secs(30)).await;
        *at.lock().unwrap() = Some(turmoil::elapsed());
        turmoil::partition("kernel", "worker");
        tokio::time::sleep(keep + Duration::from_secs(20)).await;
        Ok(())
    });
    sim.client("watcher", async move {
        let link = connector().connect(&endpoint()).await?;
        let mut told = link.engine().status(StatusRequest { every_ms: 200 }).await?.into_inner();
        let mut seen = false;
        while let Some(status) = told.message().await? {
            seen |= status.kernels == 1;
            if seen && status.kernels == 0 {
                break;
            }
        }
        let parted = parted.lock().unwrap().ok_or("it was given up while it was there")?;
        *told_after.lock().unwrap() = Some(turmoil::elapsed().saturating_sub(parted));
        Ok(())
    });
    sim.run().unwrap();
    after.lock().unwrap().unwrap()
}

#[test]
fn a_worker_notices_in_ten_seconds_and_not_before() {
    let after = forgotten_after(BRIEFLY);
    assert!((5..13).contains(&after.as_secs()), "{after:?}");
}

#[test]
fn what_a_kernel_left_is_gone_within_a_minute() {
    let after = forgotten_after(KEEP);
    assert!((30..60).contains(&after.as_secs()), "{after:?}");
}
