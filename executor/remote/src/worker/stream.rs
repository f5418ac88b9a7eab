//! One job's stream: orders up, events down. When it is lost, so is the wish for what it asked.

use super::gather::prepare;
use super::house::House;
use super::job::{Job, Place};
use super::outbox::Outbox;
use super::share::Given;
use crate::proto::{Draining, Events, Failed, Failure, Opened, Order, Places, Share, event, order};
use crate::transport::refusal;
use bytes::Bytes;
use cleave_plan::BufferId;
use std::sync::Arc;
use tokio::sync::mpsc;
use tonic::{Code, Status, Streaming};

/// Obeys orders until there are no more.
pub(super) async fn serve(house: Arc<House>, orders: Streaming<Order>, out: mpsc::Sender<Result<Events, Status>>) {
    let outbox = Outbox::new(out.clone());
    let mut orders = orders;
    let job = match open(&house, &mut orders, &outbox).await {
        Ok(job) => job,
        Err(status) => return drop(out.send(Err(status)).await),
    };
    outbox.send(event::Event::Opened(Opened { plan: Bytes::copy_from_slice(job.plan_hash.as_bytes()) }));
    let (mut draining, mut closed) = (house.draining.subscribe(), house.closed.subscribe());
    let mut is_draining = false;
    let lost = loop {
        tokio::select! {
            order = orders.message() => match order {
                Ok(Some(order)) => obey(&house, &job, order),
                Ok(None) => break false,
                Err(_) => break true,
            },
            () = out.closed() => break true,
            () = async { drop(closed.wait_for(|&closed| closed).await) } => {
                let _ = out.send(Err(refusal(Code::Unavailable, "ended", "this worker has ended"))).await;
                break false;
            }
            () = async { drop(draining.wait_for(|&drains| drains).await) }, if !is_draining => {
                is_draining = true;
                outbox.send(event::Event::Draining(Draining { grace_ms: house.options.grace.as_millis() as u64 }));
            }
        }
    };
    job.end();
    if lost {
        // Others may still fetch what it kept, and nobody knows yet whether the kernel is gone.
        job.ask();
        job.forgotten(house.options.keep).await;
    }
    house.leave(&job);
}

async fn open(house: &Arc<House>, orders: &mut Streaming<Order>, outbox: &Outbox) -> Result<Arc<Job>, Status> {
    let first = orders.message().await?;
    let Some(Order { order: Some(order::Order::Open(open)) }) = first else {
        return Err(refusal(Code::InvalidArgument, "not-opened", "the first order must open a job"));
    };
    if *house.draining.borrow() {
        return Err(refusal(Code::Unavailable, "draining", "this worker is about to end"));
    }
    let (house, outbox) = (Arc::clone(house), outbox.clone());
    let opened = tokio::task::spawn_blocking(move || {
        let job = Job::open(&house, &open, outbox)?;
        house.enter(&job);
        Ok(job)
    });
    let opened = opened.await;
    let opened = opened.map_err(|_| refusal(Code::Internal, "bug", "the job could not be planned"))?;
    opened.map_err(|Failure { code, message, .. }| {
        let mut status = Status::invalid_argument(message);
        code.parse().into_iter().for_each(|code| drop(status.metadata_mut().insert(crate::transport::WORD, code)));
        status
    })
}

fn obey(house: &Arc<House>, job: &Arc<Job>, order: Order) {
    match order.order {
        Some(order::Order::Share(share)) => take(house, job, share),
        Some(order::Order::Places(places)) => place(job, &places),
        Some(order::Order::Cancel(cancel)) => job.cancel(&cancel.shares),
        Some(order::Order::Release(release)) => job.release(&release),
        Some(order::Order::Open(_)) | None => {}
    }
}

fn take(house: &Arc<House>, job: &Arc<Job>, share: Share) {
    let Share { id, attempt, .. } = share;
    if *house.draining.borrow() {
        let message = "this worker is about to end".into();
        let failure = Failure { code: "draining".into(), message, passing: true, ..Failure::default() };
        let failed = Failed { share: id, attempt, failure: Some(failure) };
        return job.outbox.send(event::Event::Failed(failed));
    }
    let given = Given { cancel: job.take(id, attempt), share };
    tokio::spawn(prepare(Arc::clone(house), Arc::clone(job), given));
}

fn place(job: &Job, places: &Places) {
    let found = places.places.iter().filter_map(|place| {
        let end = place.first.checked_add(place.count)?;
        Some(Place { blocks: place.first..end, endpoint: place.endpoint.parse().ok()?, epoch: place.epoch })
    });
    job.place(BufferId(places.buffer), found.collect());
}
