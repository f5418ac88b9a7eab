//! Clients that speak the service's language and mean no good: each gets an answer, and the worker goes on.

use crate::same_bits::moments;
use crate::workers::{Started, Task, bits, connect};
use bytes::Bytes;
use cleave_plan::Sources;
use cleave_remote::proto::{
    self, BufferBlock, CancelShares, Event, FetchRequest, Item, Open, Order, OutputBlock, PartOf, Place, Places,
    PutBlock, Release, Share, event, item, order,
};
use cleave_remote::transport::{Connector, EngineLink, word_of};
use cleave_remote::worker::WorkerOptions;
use futures_util::stream::{self, StreamExt};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

const SOON: Duration = Duration::from_secs(10);

/// Talks to a worker, then looks whether it still works.
fn with_worker(talk: impl AsyncFnOnce(&Started, EngineLink)) {
    with(Started::new(1), talk);
}

fn with(worker: Started, talk: impl AsyncFnOnce(&Started, EngineLink)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let link = Connector::default().connect(&worker.endpoint()).await.unwrap();
        talk(&worker, link.engine()).await;
    });
    drop(runtime);
    let (graph, wanted) = moments([60, 40]);
    let task = Task::new(&graph, &wanted, &Sources::new(), 1, false);
    assert_eq!(bits(&task.remote(&connect(std::slice::from_ref(&worker))).unwrap().data), bits(&task.local()));
}

pub(crate) fn opening() -> Open {
    let (graph, wanted) = moments([600, 400]);
    let task = Task::new(&graph, &wanted, &Sources::new(), 1, true);
    Open {
        session: Bytes::from_static(b"mine"),
        job: 1,
        program: task.prepared.program.clone(),
        hash: Bytes::copy_from_slice(task.prepared.hash.as_bytes()),
        memory_bytes: 0,
    }
}

fn order(order: order::Order) -> Order {
    Order { order: Some(order) }
}

/// Sends orders and stays; the events until something is as wanted, or why there are none.
async fn told(
    mut engine: EngineLink,
    orders: Vec<Order>,
    is_last: impl Fn(&Event) -> bool,
) -> Result<Vec<Event>, Status> {
    let (sender, receiver) = mpsc::channel(1000);
    for order in orders {
        sender.try_send(order).unwrap();
    }
    let mut messages = engine.run(ReceiverStream::new(receiver)).await?.into_inner();
    let mut found = Vec::new();
    loop {
        let message = timeout(SOON, messages.message()).await.map_err(|_| Status::deadline_exceeded("no end"))??;
        let Some(message) = message else { return Ok(found) };
        let is_over = message.events.iter().any(&is_last);
        found.extend(message.events);
        if is_over {
            return Ok(found);
        }
    }
}

fn is_answer(event: &Event) -> bool {
    matches!(event.event, Some(event::Event::Done(_) | event::Event::Failed(_)))
}

fn share(id: u64, first: u64, count: u64) -> Order {
    order(order::Order::Share(Share { id, stage: 0, first, count, attempt: 1 }))
}

#[test]
fn jobs_that_are_none_are_refused() {
    with_worker(async |_, engine| {
        let whole = opening();
        let turned = Bytes::from(whole.program.iter().rev().copied().collect::<Vec<_>>());
        let large = Bytes::from(vec![0; 5 << 20]);
        let hash = |program: &Bytes| Bytes::copy_from_slice(blake3::hash(program).as_bytes());
        let table: [(&str, Vec<Order>); 7] = [
            ("no orders", vec![]),
            ("no job", vec![share(1, 0, 1)]),
            ("no order", vec![Order { order: None }]),
            ("no hash", vec![order(order::Order::Open(Open { hash: Bytes::new(), ..whole.clone() }))]),
            ("another hash", vec![order(order::Order::Open(Open { program: turned.clone(), ..whole.clone() }))]),
            ("noise", vec![order(order::Order::Open(Open { hash: hash(&turned), program: turned, ..whole.clone() }))]),
            ("5 MB", vec![order(order::Order::Open(Open { hash: hash(&large), program: large, ..whole.clone() }))]),
        ];
        for (what, orders) in table {
            let is_empty = orders.is_empty();
            let mut engine = engine.clone();
            let refused = timeout(SOON, async { engine.run(stream::iter(orders)).await?.into_inner().message().await });
            let refused = refused.await.unwrap_or_else(|_| panic!("{what}: no answer"));
            assert!(refused.is_err() || is_empty, "{what}: {refused:?}");
        }
    });
}

#[test]
fn shares_that_are_none_fail_and_the_next_does_not() {
    with_worker(async |_, engine| {
        let most = u64::MAX;
        let wrong = [(0, most), (most, 1), (most, most), (1 << 40, 1), (0, 1 << 40)];
        let mut orders = vec![order(order::Order::Open(opening()))];
        orders.extend(wrong.iter().enumerate().map(|(at, &(first, count))| share(at as u64, first, count)));
        orders.push(order(order::Order::Share(Share {
            id: 70,
            stage: u32::MAX,
            first: 0,
            count: 1,
            attempt: u32::MAX,
        })));
        orders.push(share(71, 0, 1));
        let is_last = |e: &Event| matches!(&e.event, Some(event::Event::Done(done)) if done.share == 71);
        let events = told(engine, orders, is_last).await.unwrap();
        let failed: Vec<u64> = events
            .iter()
            .filter_map(|e| match &e.event {
                Some(event::Event::Failed(failed)) => Some(failed.share),
                _ => None,
            })
            .collect();
        assert_eq!(failed.len(), wrong.len() + 1, "{failed:?}");
    });
}

#[test]
fn one_number_for_two_shares() {
    with_worker(async |_, engine| {
        // The later one of a number counts; the former is stopped, or has answered already.
        let mut orders = vec![order(order::Order::Open(opening()))];
        orders.extend((0..40).map(|n| share(5, n % 2, 1)));
        orders.push(share(6, 0, 1));
        let is_last = |e: &Event| matches!(&e.event, Some(event::Event::Done(done)) if done.share == 6);
        let events = told(engine, orders, is_last).await.unwrap();
        assert!(events.iter().all(|e| !matches!(e.event, Some(event::Event::Failed(_)))), "{events:?}");
    });
}

#[test]
fn a_million_releases_and_orders_of_nothing() {
    with_worker(async |_, engine| {
        let items = |what: item::What| Item { session: Bytes::new(), job: 9, what: Some(what) };
        let unknown = vec![
            items(item::What::Output(OutputBlock { output: u32::MAX, block: u64::MAX })),
            items(item::What::Part(PartOf { share: u64::MAX, number: 1 })),
            items(item::What::Put(PutBlock { number: 3, block: u64::MAX })),
            items(item::What::Buffer(BufferBlock { buffer: u32::MAX, block: u64::MAX })),
            Item::default(),
        ];
        let release = Release { buffers: vec![u32::MAX; 100_000], items: unknown };
        let cancel = CancelShares { shares: (1000..100_000).collect() };
        let mut orders = vec![order(order::Order::Open(opening()))];
        orders.extend((0..10).map(|_| order(order::Order::Release(release.clone()))));
        orders.push(order(order::Order::Cancel(cancel)));
        orders.push(order(order::Order::Open(opening())));
        orders.push(share(3, 0, 1));
        let events = told(engine, orders, is_answer).await.unwrap();
        assert!(matches!(events.last().unwrap().event, Some(event::Event::Done(_))), "{events:?}");
    });
}

#[test]
fn places_lead_nowhere_else() {
    with_worker(async |worker, engine| {
        let (graph, wanted) = moments([600, 400]);
        let task = Task::new(&graph, &wanted, &Sources::new(), 1, true);
        let reads = task.plan().stages.iter().position(|stage| !stage.buffers().is_empty()).unwrap();
        let buffer = task.plan().stages[reads].buffers().into_iter().next().unwrap().0;
        // Another start of it, a closed port, itself as a name that nobody knows, and no address at all.
        let own = worker.endpoint().to_string();
        for endpoint in [own.as_str(), "127.0.0.1:1", "no-such-host.invalid:1", "file:///etc/passwd", ""] {
            let place = Place { first: 0, count: u64::MAX, endpoint: endpoint.into(), epoch: 1 };
            let places =
                Places { buffer, places: vec![place.clone(), Place { first: u64::MAX, ..place }], whole: None };
            let orders = vec![
                order(order::Order::Open(opening())),
                order(order::Order::Places(Places { buffer: u32::MAX, ..places.clone() })),
                order(order::Order::Places(places)),
                order(order::Order::Share(Share { id: 1, stage: reads as u32, first: 0, count: 1, attempt: 1 })),
            ];
            let events = told(engine.clone(), orders, is_answer).await.unwrap();
            let Some(event::Event::Failed(failed)) = &events.last().unwrap().event else { panic!("{events:?}") };
            let failure = failed.failure.as_ref().unwrap();
            assert_eq!((failure.code.as_str(), failure.passing), ("block-lost", true), "{endpoint}");
            assert!(!failure.lost.is_empty(), "{endpoint}");
        }
    });
}

#[test]
fn what_is_not_there_cannot_be_fetched() {
    with_worker(async |_, engine| {
        let mut hello = engine.clone();
        let versions = Some(cleave_remote::versions::ours());
        let epoch = hello.hello(proto::HelloRequest { versions }).await.unwrap().into_inner().epoch;
        // A job stays open, so that there is one to ask about.
        let (sender, receiver) = mpsc::channel(10);
        sender.try_send(order(order::Order::Open(opening()))).unwrap();
        let mut messages = engine.clone().run(ReceiverStream::new(receiver)).await.unwrap().into_inner();
        timeout(SOON, messages.message()).await.unwrap().unwrap();
        let of = |session: &'static [u8], job, what| Some(Item { session: Bytes::from_static(session), job, what });
        let buffer = |buffer, block| Some(item::What::Buffer(BufferBlock { buffer, block }));
        let mine = |what| of(b"mine", 1, what);
        let table = [
            ("no-item", None, epoch, 0),
            ("other-epoch", mine(buffer(0, 0)), epoch ^ 1, 0),
            ("unknown-job", of(b"theirs", 1, buffer(0, 0)), epoch, 0),
            ("unknown-job", of(b"mine", 2, buffer(0, 0)), epoch, 0),
            ("not-kept", mine(None), epoch, 0),
            ("not-kept", mine(buffer(0, 0)), epoch, 0),
            ("not-kept", mine(buffer(0, u64::MAX)), epoch, 1 << 63),
            ("not-kept", mine(buffer(u32::MAX, 0)), epoch, u64::MAX),
            ("not-kept", mine(Some(item::What::Put(PutBlock { number: 0, block: 0 }))), epoch, 0),
            ("not-kept", mine(Some(item::What::Part(PartOf { share: 0, number: 0 }))), epoch, 0),
            ("not-kept", mine(Some(item::What::Output(OutputBlock { output: u32::MAX, block: u64::MAX }))), epoch, 0),
        ];
        for ((code, item, epoch, offset), length) in
            table.into_iter().zip([None, Some(0), Some(u64::MAX)].into_iter().cycle())
        {
            let (mut engine, request) = (engine.clone(), FetchRequest { item: item.clone(), epoch, offset, length });
            let refused = timeout(SOON, engine.fetch(request)).await.unwrap().map(|_| ()).unwrap_err();
            assert_eq!(word_of(&refused), Some(code), "{item:?}");
        }
    });
}

#[test]
fn numbers_at_their_limits() {
    with_worker(async |_, engine| {
        for every_ms in [0, u32::MAX] {
            let asked = engine.clone().status(proto::StatusRequest { every_ms }).await.unwrap();
            let status = timeout(SOON, asked.into_inner().message()).await.unwrap().unwrap();
            assert!(status.is_some());
        }
        for memory_bytes in [1, u64::MAX] {
            let open = Open { memory_bytes, job: u64::MAX, session: Bytes::from(vec![0; 100_000]), ..opening() };
            let orders = vec![order(order::Order::Open(open)), share(u64::MAX, 0, 1)];
            let events = told(engine.clone(), orders, is_answer).await.unwrap();
            assert!(events.iter().any(is_answer));
        }
    });
}

#[test]
fn a_thousand_streams_and_as_many_jobs_given_up() {
    with_worker(async |_, engine| {
        // No more than a few are served at once; the others wait, and nothing of those that went away stays.
        let statuses =
            (0..1000).map(|_| {
                let mut engine = engine.clone();
                async move {
                    timeout(Duration::from_millis(200), engine.status(proto::StatusRequest { every_ms: 100 })).await
                }
            });
        let opened =
            stream::iter(statuses).buffer_unordered(1000).filter(|s| std::future::ready(matches!(s, Ok(Ok(_)))));
        assert!(opened.count().await > 0);
        for _ in 0..300 {
            let (sender, receiver) = mpsc::channel(10);
            sender.try_send(order(order::Order::Open(opening()))).unwrap();
            sender.try_send(share(1, 0, 1)).unwrap();
            drop(timeout(SOON, engine.clone().run(ReceiverStream::new(receiver))).await.unwrap());
        }
    });
}

#[test]
fn more_jobs_than_a_worker_takes() {
    let forgetful = WorkerOptions { keep: Duration::ZERO, ..Started::options(1) };
    with(Started::with(forgetful), async |worker, mut engine| {
        let (mut held, mut refused) = (Vec::new(), 0);
        for job in 0..300 {
            // No connection carries so many streams.
            if job % 50 == 0 {
                engine = Connector::default().connect(&worker.endpoint()).await.unwrap().engine();
            }
            let (sender, receiver) = mpsc::channel(10);
            sender.try_send(order(order::Order::Open(Open { job, ..opening() }))).unwrap();
            let opened = timeout(SOON, async {
                let mut messages = engine.run(ReceiverStream::new(receiver)).await?.into_inner();
                messages.message().await.map(|_| messages)
            });
            match opened.await.unwrap() {
                Ok(messages) => held.push((sender, messages)),
                Err(status) => {
                    assert_eq!(word_of(&status), Some("too-many-jobs"));
                    refused += 1;
                }
            }
        }
        assert_eq!((held.len(), refused), (256, 44));
    });
}

#[test]
fn one_who_never_reads_stops_nobody() {
    with_worker(async |worker, engine| {
        let (sender, receiver) = mpsc::channel(10);
        sender.try_send(order(order::Order::Open(opening()))).unwrap();
        let unread = engine.clone().run(ReceiverStream::new(receiver)).await.unwrap();
        let other = engine.clone().status(proto::StatusRequest { every_ms: 100 }).await.unwrap();
        let link = Connector::default().connect(&worker.endpoint()).await.unwrap();
        let orders = vec![order(order::Order::Open(Open { job: 2, ..opening() })), share(1, 0, 1)];
        assert!(told(link.engine(), orders, is_answer).await.unwrap().iter().any(is_answer));
        drop((unread, other));
    });
}
