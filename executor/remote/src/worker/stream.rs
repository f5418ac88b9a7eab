//! One job's stream: orders up, events down. When it is lost, another may take its place for a while; then
//! the wish for what it asked is lost as well.

use super::gather::prepare;
use super::house::House;
use super::job::{Job, Place};
use super::outbox::Outbox;
use super::share::Given;
use crate::proto::{Draining, Events, Failure, Opened, Order, Places, Share, event, order};
use crate::transport::{Peer, Silence, refusal};
use bytes::Bytes;
use cleave_plan::BufferId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};
use tonic::{Code, Request, Status, Streaming};

/// How long shares stay at work for a kernel whose connection was lost, which may come back.
const WAIT: Duration = Duration::from_secs(5);
/// Silence after which a kernel counts as lost: what keeps its connection alive is heard more often.
const SILENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_secs(1);

/// How a stream ended.
enum End {
    /// The kernel wants no more.
    Closed,
    Lost,
    /// Nothing was heard of it for long.
    Silent,
    /// Another serves the job now.
    PassedOn,
}

/// One that serves a job.
struct Stream {
    house: Arc<House>,
    orders: Streaming<Order>,
    out: mpsc::Sender<Result<Events, Status>>,
    outbox: Outbox,
    silence: Option<Silence>,
}

/// Obeys orders until there are no more.
pub(super) async fn serve(
    house: Arc<House>,
    request: Request<Streaming<Order>>,
    out: mpsc::Sender<Result<Events, Status>>,
) {
    let silence = request.extensions().get::<Peer>().map(Peer::silence);
    let (outbox, orders) = (Outbox::new(out.clone()), request.into_inner());
    let mut stream = Stream { house, orders, out, outbox, silence };
    let (job, number) = match stream.open().await {
        Ok(opened) => opened,
        Err(status) => return drop(stream.out.send(Err(status)).await),
    };
    stream.outbox.send(event::Event::Opened(Opened { plan: Bytes::copy_from_slice(job.plan_hash.as_bytes()) }));
    let end = stream.obey(&job, number).await;
    let house = Arc::clone(&stream.house);
    // Its connection ends only now, so that nobody takes the end of the one for that of the other.
    drop(stream);
    match end {
        End::PassedOn => return,
        End::Closed if !job.desk.leave(number) => return,
        End::Closed => {}
        End::Lost | End::Silent => {
            let is_back = async { matches!(end, End::Lost) && timeout(WAIT, job.desk.passed_on(number)).await.is_ok() };
            if !job.desk.leave(number) || is_back.await || !job.end_after(number) {
                return;
            }
            // Others may still fetch what it kept, and nobody knows yet whether the kernel is gone.
            job.ask();
            job.forgotten(house.options.keep).await;
        }
    }
    house.leave(&job);
}

impl Stream {
    /// Takes up the job that the first order names, by the stream of which that number is.
    async fn open(&mut self) -> Result<(Arc<Job>, u64), Status> {
        let first = self.orders.message().await?;
        let Some(Order { order: Some(order::Order::Open(open)) }) = first else {
            return Err(refusal(Code::InvalidArgument, "not-opened", "the first order must open a job"));
        };
        if *self.house.draining.borrow() {
            return Err(refusal(Code::Unavailable, "draining", "this worker is about to end"));
        }
        if let Some(job) = self.house.same_job(&open)
            && let Some(number) = job.desk.serve_by(&self.outbox)
        {
            return Ok((job, number));
        }
        let (house, outbox) = (Arc::clone(&self.house), self.outbox.clone());
        let full = || refusal(Code::ResourceExhausted, "too-many-jobs", "this worker has as many jobs as it takes");
        let place = house.place().ok_or_else(full)?;
        let opened = tokio::task::spawn_blocking(move || {
            let job = Job::open(&house, &open, (outbox, place))?;
            house.enter(&job);
            Ok(job)
        });
        let opened = opened.await;
        let opened = opened.map_err(|_| refusal(Code::Internal, "bug", "the job could not be planned"))?;
        let opened = opened.map_err(|Failure { code, message, .. }| {
            let mut status = Status::invalid_argument(message);
            code.parse().into_iter().for_each(|code| drop(status.metadata_mut().insert(crate::transport::WORD, code)));
            status
        });
        opened.map(|job| (job, 0))
    }

    async fn obey(&mut self, job: &Arc<Job>, number: u64) -> End {
        let house = &self.house;
        let (mut draining, mut closed) = (house.draining.subscribe(), house.closed.subscribe());
        let (mut is_draining, mut looks) = (false, interval(LOOK));
        loop {
            tokio::select! {
                order = self.orders.message() => match order {
                    Ok(Some(order)) => obey(house, job, order),
                    Ok(None) => return End::Closed,
                    Err(_) => return End::Lost,
                },
                () = self.out.closed() => return End::Lost,
                () = job.desk.passed_on(number) => return End::PassedOn,
                _ = looks.tick() => {
                    if self.silence.as_ref().is_some_and(|silence| silence.lasts() >= SILENCE) {
                        return End::Silent;
                    }
                }
                () = async { drop(closed.wait_for(|&closed| closed).await) } => {
                    let _ = self.out.send(Err(refusal(Code::Unavailable, "ended", "this worker has ended"))).await;
                    return End::Closed;
                }
                () = async { drop(draining.wait_for(|&drains| drains).await) }, if !is_draining => {
                    is_draining = true;
                    let grace_ms = house.options.grace.as_millis() as u64;
                    self.outbox.send(event::Event::Draining(Draining { grace_ms }));
                }
            }
        }
    }
}

fn obey(house: &Arc<House>, job: &Arc<Job>, order: Order) {
    match order.order {
        Some(order::Order::Share(share)) => take(house, job, share),
        Some(order::Order::Places(places)) => place(job, &places),
        Some(order::Order::Cancel(cancel)) => job.desk.cancel(&cancel.shares),
        Some(order::Order::Release(release)) => job.release(&release),
        Some(order::Order::Open(_)) | None => {}
    }
}

fn take(house: &Arc<House>, job: &Arc<Job>, share: Share) {
    let Some(cancel) = job.take(&share) else { return };
    let given = Given { cancel, share };
    let refused = match () {
        () if *house.draining.borrow() => Some(("draining", "this worker is about to end")),
        () if house.is_swamped() => Some(("too-many-shares", "this worker has as many shares as it takes")),
        () => None,
    };
    if let Some((code, message)) = refused {
        let failure = Failure { code: code.into(), message: message.into(), passing: true, ..Failure::default() };
        return job.desk.answer(&share, Some(given.failed(failure)));
    }
    tokio::spawn(prepare(Arc::clone(house), Arc::clone(job), given));
}

fn place(job: &Job, places: &Places) {
    let found = places.places.iter().filter_map(|place| {
        let end = place.first.checked_add(place.count)?;
        Some(Place { blocks: place.first..end, endpoint: place.endpoint.parse().ok()?, epoch: place.epoch })
    });
    job.place(BufferId(places.buffer), found.collect());
}
