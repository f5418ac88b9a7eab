//! The side that has values nobody else has.

use super::serve::frames;
use super::{ATTEMPTS, BulkError};
use crate::proto::{Item, PutFrame, PutReply};
use crate::transport::Link;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};

/// Puts values, all in one call; after a loss, all again: a worker that has one takes it as the same.
pub async fn put(link: &Link, values: &[(Item, Bytes)]) -> Result<PutReply, BulkError> {
    let mut attempt = 1;
    loop {
        match link.engine().put(put_frames(values.to_vec())).await {
            Ok(reply) => return Ok(reply.into_inner()),
            Err(status) => {
                let error = BulkError::Reach(link.explain(&status));
                if attempt == ATTEMPTS || !error.is_passing() {
                    return Err(error);
                }
            }
        }
        attempt += 1;
    }
}

fn put_frames(values: Vec<(Item, Bytes)>) -> impl Stream<Item = PutFrame> + Send + 'static {
    stream::iter(values).flat_map(|(item, data)| {
        let frames = frames(data, 0, None).expect("every value has an offset 0");
        let mut item = Some(item);
        frames.filter_map(move |frame| {
            let item = item.take();
            let put = |frame: crate::proto::Frame| {
                let crate::proto::Frame { data, nbytes, checksum } = frame;
                PutFrame { item, data, nbytes, checksum }
            };
            std::future::ready(frame.ok().map(put))
        })
    })
}
