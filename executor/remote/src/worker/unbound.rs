//! A worker on a network that is not this machine's, such as a simulated one.

use super::house::House;
use super::{ServeError, WorkerOptions, serve_on};
use crate::transport::{Door, Stream};
use futures_util::Stream as Items;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A worker that listens to nothing by itself.
pub struct Unbound {
    house: Arc<House>,
}

impl Unbound {
    /// Starts its threads.
    pub fn new(options: WorkerOptions) -> Result<Self, ServeError> {
        Ok(Self { house: House::new(options)? })
    }

    /// How many shares its threads have and have not done: while there are some, simulated time had better stand still.
    pub fn at_work(&self) -> impl Fn() -> usize + Send + Sync + 'static {
        let house = Arc::downgrade(&self.house);
        move || house.upgrade().map_or(0, |house| house.at_work.load(Ordering::Acquire))
    }

    /// Serves whoever comes until `stop` is there, and what it had is done or its grace is over.
    pub async fn serve<S: Stream>(
        self,
        incoming: impl Items<Item = io::Result<(S, SocketAddr)>> + Send + 'static,
        stop: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let door = Door { tls: self.house.options.tls.clone(), ..Door::default() };
        serve_on(self.house, door, incoming, stop).await
    }
}
