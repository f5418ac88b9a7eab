//! The same connections over a network that exists in memory only.

use crate::keeper::{Keeper, Served, put_item};
use bytes::Bytes;
use cleave_remote::bulk::{Fetch, fetch, put};
use cleave_remote::transport::{Connector, Dialer, Door, Endpoint, engine_service, server};
use futures_util::stream;
use std::sync::Arc;
use std::time::Duration;
use turmoil::net::{TcpListener, TcpStream};

const PORT: u16 = 7077;

async fn serve(keeper: Arc<Keeper>) -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let incoming = stream::unfold(listener, |listener| async move { Some((listener.accept().await, listener)) });
    let service = engine_service(Served(keeper), None);
    server().add_service(service).serve_with_incoming(Door::default().admit(incoming)).await?;
    Ok(())
}

fn connector() -> Connector {
    let dialer = Dialer::with(|endpoint: Endpoint| TcpStream::connect((endpoint.host, endpoint.port)));
    Connector { dialer, ..Connector::default() }
}

#[test]
fn values_survive_a_partition_and_a_restart() {
    let mut sim = turmoil::Builder::new().simulation_duration(Duration::from_secs(120)).build();
    let keeper = Arc::new(Keeper::default());
    let served = keeper.clone();
    sim.host("worker", move || serve(served.clone()));
    sim.client("kernel", async move {
        let endpoint = Endpoint::new("worker", PORT);
        let link = connector().connect(&endpoint).await?;
        let data = Bytes::from((0..2_000_000_u32).map(|i| (i % 251) as u8).collect::<Vec<_>>());
        put(&link, &[(put_item(1), data.clone())]).await?;
        turmoil::partition("kernel", "worker");
        let mut back = vec![0; data.len()];
        let wanted = Fetch { item: put_item(1), epoch: 0, nbytes: data.len() as u64 };
        tokio::spawn(async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            turmoil::repair("kernel", "worker");
        });
        let first = fetch(&link, &wanted, &mut back).await;
        tokio::time::sleep(Duration::from_secs(15)).await;
        fetch(&link, &wanted, &mut back).await.map_err(|error| format!("{error}, after {first:?}"))?;
        assert_eq!(back, data);
        Ok(())
    });
    sim.run().unwrap();
}

#[test]
fn nobody_there_is_told_within_the_time() {
    let mut sim = turmoil::Builder::new().simulation_duration(Duration::from_secs(60)).build();
    sim.host("worker", || async { std::future::pending().await });
    sim.client("kernel", async move {
        let endpoint = Endpoint::new("worker", PORT);
        let refused = connector().connect(&endpoint).await.unwrap_err();
        assert_eq!(refused.fault.code(), "connection-refused");
        turmoil::hold("kernel", "worker");
        let lost = connector().connect(&endpoint).await.unwrap_err();
        assert_eq!(lost.fault.code(), "connection-timed-out");
        Ok(())
    });
    sim.run().unwrap();
}
