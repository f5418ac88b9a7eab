//! Names that stand for several workers: pools grow and shrink as they lead elsewhere.

use crate::same_bits::moments;
use crate::silence::{BRIEFLY, PORT, connector, work};
use crate::workers::{Task, bits};
use cleave_cpu::Cancel;
use cleave_plan::Sources;
use cleave_remote::cluster::{Cluster, ConnectOptions, Named};
use cleave_remote::transport::{Endpoint, Lookup};
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const HOSTS: [&str; 3] = ["a", "b", "c"];

/// Where a name leads; to nothing at all where nobody knows.
type Book = Arc<Mutex<Option<Vec<&'static str>>>>;

fn lookup(book: &Book) -> Lookup {
    let book = Arc::clone(book);
    Lookup::with(move |named| {
        let found = book.lock().unwrap().clone();
        let endpoint = move |host: &str| Endpoint { name: Some(named.host.clone()), ..Endpoint::new(host, named.port) };
        let found = found.map(|hosts| hosts.into_iter().map(endpoint).collect());
        async move { found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound)) }
    })
}

fn hosts(cluster: &Cluster) -> Vec<String> {
    cluster.facts().workers.iter().map(|w| w.endpoint.split(':').next().unwrap().to_owned()).collect()
}

async fn soon() {
    tokio::time::sleep(Duration::from_secs(8)).await;
}

/// Tells a story of a pool whose name leads to `a` at first.
fn with_pool<F: Future<Output = ()> + 'static>(story: impl FnOnce(Cluster, Book) -> F + 'static) {
    let mut sim = turmoil::Builder::new().simulation_duration(Duration::from_secs(300)).build();
    HOSTS.iter().for_each(|&host| sim.host(host, || work(BRIEFLY)));
    sim.client("kernel", async move {
        let book: Book = Arc::new(Mutex::new(Some(vec!["a"])));
        let named = [Named::All(Endpoint::new("pool", PORT))];
        let options = ConnectOptions { connector: connector(), lookup: lookup(&book), ..ConnectOptions::default() };
        let cluster = Cluster::join(&named, options).await?;
        assert_eq!((hosts(&cluster), cluster.facts().address), (vec!["a".to_owned()], format!("dns:pool:{PORT}")));
        story(cluster, book).await;
        Ok(())
    });
    sim.run().unwrap();
}

#[test]
fn who_is_found_later_takes_part() {
    with_pool(async |cluster, book| {
        *book.lock().unwrap() = Some(HOSTS.to_vec());
        soon().await;
        assert_eq!(cluster.facts().threads(), 3, "{:?}", cluster.facts());
        let (graph, wanted) = moments([600, 400]);
        let task = Task::new(&graph, &wanted, &Sources::new(), 3, false);
        let outcome = task.remote_here(&cluster, &Cancel::default()).await.unwrap();
        assert_eq!((bits(&outcome.data), outcome.lanes.len()), (bits(&task.local()), 3));
    });
}

#[test]
fn who_is_found_no_more_is_forgotten_once_it_is_gone() {
    with_pool(async |cluster, book| {
        *book.lock().unwrap() = Some(vec!["b"]);
        soon().await;
        // It still answers, and may have work.
        assert_eq!(hosts(&cluster), ["a", "b"]);
        turmoil::partition("kernel", "a");
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(hosts(&cluster), ["b"]);
        *book.lock().unwrap() = Some(vec!["a", "b"]);
        turmoil::repair("kernel", "a");
        soon().await;
        assert_eq!((hosts(&cluster), cluster.facts().threads()), (vec!["b".to_owned(), "a".to_owned()], 2));
    });
}

#[test]
fn nobody_is_forgotten_because_nobody_knows_names() {
    with_pool(async |cluster, book| {
        *book.lock().unwrap() = None;
        turmoil::partition("kernel", "a");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(hosts(&cluster), ["a"]);
        turmoil::repair("kernel", "a");
        soon().await;
        assert_eq!(cluster.facts().threads(), 1);
    });
}

#[test]
fn a_name_that_leads_nowhere_is_an_error() {
    let book: Book = Arc::default();
    let options = ConnectOptions { lookup: lookup(&book), ..ConnectOptions::default() };
    let error = Cluster::connect(&[Named::All(Endpoint::new("pool", PORT))], options).map(|_| ()).unwrap_err();
    assert_eq!((error.code(), error.to_string().contains("pool")), ("unknown-host", true), "{error}");
}
