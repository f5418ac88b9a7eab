//! The side that has values nobody else has.

use super::BulkError;
use super::fetch::PAUSE;
use super::serve::frames;
use crate::proto::{Frame, Item, PutFrame, PutReply};
use crate::transport::Link;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::sleep;

/// So many bytes are worth the question whether they are there from a connection before.
const MANY_BYTES: u64 = 1 << 20;

/// Puts values, all in one call; after a loss it goes on where it was, as long as it gets on.
pub async fn put(link: &Link, values: &[(Item, Bytes)]) -> Result<PutReply, BulkError> {
    let nbytes = values.iter().map(|(_, data)| data.len() as u64).sum();
    let (mut there, mut tried) = (vec![0; values.len()], 0);
    if nbytes >= MANY_BYTES {
        there = ask(link, values).await.unwrap_or(there);
    }
    loop {
        let Err(status) = link.engine().put(put_frames(values, &there)).await else { break };
        let error = BulkError::Reach(link.explain(&status));
        tried += 1;
        if tried >= error.attempts() {
            return Err(error);
        }
        sleep(PAUSE * tried).await;
        let Ok(found) = ask(link, values).await else { continue };
        if found.iter().sum::<u64>() > there.iter().sum() {
            tried = 0;
        }
        there = found;
    }
    Ok(PutReply { blocks: values.len() as u64, nbytes, there: Vec::new() })
}

/// How many bytes of each value are there.
async fn ask(link: &Link, values: &[(Item, Bytes)]) -> Result<Vec<u64>, tonic::Status> {
    let asked: Vec<PutFrame> = values
        .iter()
        .map(|(item, _)| PutFrame { item: Some(item.clone()), asks: true, ..PutFrame::default() })
        .collect();
    let mut there = link.engine().put(stream::iter(asked)).await?.into_inner().there;
    there.resize(values.len(), 0);
    // What is said to be more than there is is not there.
    there.iter_mut().zip(values).filter(|(n, (_, data))| **n > data.len() as u64).for_each(|(n, _)| *n = 0);
    Ok(there)
}

fn put_frames(values: &[(Item, Bytes)], there: &[u64]) -> impl Stream<Item = PutFrame> + Send + use<> {
    let lacks = |((_, data), there): &(&(Item, Bytes), &u64)| **there < data.len() as u64 || data.is_empty();
    let left: Vec<_> = values.iter().zip(there).filter(lacks).map(|((i, d), &at)| (i.clone(), d.clone(), at)).collect();
    stream::iter(left).flat_map(|(item, data, at)| {
        let frames = frames(data, at, None, None).expect("no more is there than there is");
        let mut begun = Some((item, at));
        frames.filter_map(move |frame| {
            let (item, offset) = begun.take().map_or((None, 0), |(item, at)| (Some(item), at));
            let put = |frame: Frame| {
                let Frame { data, nbytes, checksum } = frame;
                PutFrame { item, data, nbytes, checksum, offset, asks: false }
            };
            std::future::ready(frame.ok().map(put))
        })
    })
}
