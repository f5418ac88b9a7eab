//! Answers to `Fetch` whose bytes go from where they are kept to the socket: the usual encoder would copy each frame.

use crate::proto::engine_server::{Engine, EngineServer};
use crate::proto::{FetchRequest, Frame};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::Stream;
use http_body_util::{BodyExt, Limited};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tonic::body::Body;
use tonic::codegen::http;
use tonic::server::NamedService;
use tonic::{Request, Status};
use tower::Service;

/// The call's path.
pub(super) const FETCH: &str = "/cleave.engine.v1.Engine/Fetch";
/// What stands before a message: whether it is packed, and its length.
const PREFIX_BYTES: usize = 5;
/// The field of a frame that has its bytes.
const DATA_FIELD: u32 = 1;
/// More than any request for a value has.
const REQUEST_BYTES: usize = 64 << 10;

/// The service of an engine.
pub struct Fetching<T: Engine> {
    engine: Arc<T>,
    others: EngineServer<T>,
}

impl<T: Engine> Fetching<T> {
    /// The service with messages of so many bytes at most.
    pub(super) fn new(engine: T, message_bytes: usize) -> Self {
        let engine = Arc::new(engine);
        let others = EngineServer::from_arc(Arc::clone(&engine));
        let others = others.max_decoding_message_size(message_bytes).max_encoding_message_size(message_bytes);
        Self { engine, others }
    }
}

impl<T: Engine> Clone for Fetching<T> {
    fn clone(&self) -> Self {
        Self { engine: Arc::clone(&self.engine), others: self.others.clone() }
    }
}

impl<T: Engine> NamedService for Fetching<T> {
    const NAME: &'static str = <EngineServer<T> as NamedService>::NAME;
}

impl<T: Engine> Service<http::Request<Body>> for Fetching<T> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if request.uri().path() != FETCH {
            return self.others.call(request);
        }
        let engine = Arc::clone(&self.engine);
        Box::pin(async move { Ok(answer(&*engine, request).await.unwrap_or_else(Status::into_http)) })
    }
}

async fn answer<T: Engine>(engine: &T, request: http::Request<Body>) -> Result<http::Response<Body>, Status> {
    let (metadata, extensions, body) = Request::from_http(request).into_parts();
    let asked = Request::from_parts(metadata, extensions, asked(body).await?);
    let frames = engine.fetch(asked).await?.into_inner();
    let body = Sent { frames: Box::pin(frames), data: Bytes::new(), is_over: false };
    let mut answer = http::Response::new(Body::new(body));
    let kind = http::HeaderValue::from_static("application/grpc");
    answer.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    Ok(answer)
}

/// The one message of a call.
async fn asked(body: Body) -> Result<FetchRequest, Status> {
    let bad = |why: &str| Status::invalid_argument(why.to_owned());
    let body = Limited::new(body, REQUEST_BYTES).collect().await.map_err(|error| bad(&error.to_string()))?.to_bytes();
    let (prefix, message) = body.split_at_checked(PREFIX_BYTES).ok_or_else(|| bad("no message"))?;
    let (packed, length) = prefix.split_at(1);
    if packed != [0] {
        return Err(Status::unimplemented("packed messages are not taken"));
    }
    if length != (message.len() as u32).to_be_bytes() {
        return Err(bad("a message of another length than it says"));
    }
    FetchRequest::decode(message).map_err(|error| bad(&error.to_string()))
}

/// Frames as a body: of each what stands around its bytes, then these.
struct Sent<S> {
    frames: Pin<Box<S>>,
    /// The bytes that come next.
    data: Bytes,
    is_over: bool,
}

impl<S: Stream<Item = Result<Frame, Status>>> http_body::Body for Sent<S> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Status>>> {
        if !self.data.is_empty() {
            return Poll::Ready(Some(Ok(http_body::Frame::data(std::mem::take(&mut self.data)))));
        }
        if self.is_over {
            return Poll::Ready(None);
        }
        let status = match ready!(self.frames.as_mut().poll_next(cx)) {
            Some(Ok(frame)) => {
                let head = head(&frame);
                self.data = frame.data;
                return Poll::Ready(Some(Ok(http_body::Frame::data(head))));
            }
            Some(Err(status)) => status,
            None => Status::ok(""),
        };
        self.is_over = true;
        let mut trailers = http::HeaderMap::new();
        status.add_header(&mut trailers)?;
        Poll::Ready(Some(Ok(http_body::Frame::trailers(trailers))))
    }
}

/// All of a frame's message but its bytes, which are its last field.
fn head(frame: &Frame) -> Bytes {
    let mut head = BytesMut::with_capacity(64);
    head.put_bytes(0, PREFIX_BYTES);
    let around = Frame { data: Bytes::new(), ..frame.clone() };
    around.encode(&mut head).expect("memory grows as it is needed");
    if !frame.data.is_empty() {
        encode_key(DATA_FIELD, WireType::LengthDelimited, &mut head);
        encode_varint(frame.data.len() as u64, &mut head);
    }
    let length = (head.len() - PREFIX_BYTES + frame.data.len()) as u32;
    head[1..PREFIX_BYTES].copy_from_slice(&length.to_be_bytes());
    head.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_and_its_bytes_are_the_message() {
        for (len, nbytes, checksum) in
            [(0, None, Some(7)), (3, Some(3), Some(0)), (300_000, Some(1 << 40), None), (1, None, None)]
        {
            let frame = Frame { data: vec![5; len].into(), nbytes, checksum };
            let whole = [head(&frame), frame.data.clone()].concat();
            let (prefix, message) = whole.split_at(PREFIX_BYTES);
            assert_eq!(prefix, [&[0][..], &(message.len() as u32).to_be_bytes()].concat());
            assert_eq!(Frame::decode(message), Ok(frame));
        }
    }
}
