//! Frames and signatures: a message is a list of frames of which four are signed.

use crate::clock;
use crate::seen::Seen;
use ring::hmac;
use serde::Deserialize;
use serde_json::value::{RawValue, Value};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The version of the protocol that is spoken here.
pub(crate) const PROTOCOL_VERSION: &str = "5.5";
/// Frames of larger messages are dropped; the socket library itself has no limit.
const LARGEST_BYTES: usize = 256 << 20;
const DELIMITER: &[u8] = b"<IDS|MSG>";

/// A request as it arrived.
#[derive(Debug)]
pub(crate) struct Request {
    /// The frames that route a reply back.
    pub(crate) identities: Vec<Vec<u8>>,
    pub(crate) header: Arc<Header>,
    pub(crate) content: Box<RawValue>,
}

/// A header; its text becomes the parent header of everything that answers it, byte for byte.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) kind: String,
    raw: Box<RawValue>,
}

/// A message on its way out.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: &'static str,
    pub(crate) metadata: Value,
    pub(crate) content: Value,
}

/// Why frames are not a message.
#[derive(Debug)]
pub(crate) enum WireError {
    NoDelimiter,
    Truncated,
    TooLarge { bytes: usize },
    WrongSignature,
    Replayed,
    Malformed(serde_json::Error),
}

/// The key of a connection; an empty one means that messages are not signed.
pub(crate) struct Key(Option<hmac::Key>);

/// Turns messages into signed frames.
pub(crate) struct Composer {
    key: Key,
    session: String,
    count: AtomicU64,
    seen: Seen,
}

#[derive(Deserialize)]
struct HeaderFields {
    #[allow(dead_code, reason = "a header without an id is refused")]
    msg_id: String,
    msg_type: String,
}

impl Key {
    pub(crate) fn new(secret: &str) -> Self {
        Self((!secret.is_empty()).then(|| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())))
    }

    fn sign(&self, parts: &[Vec<u8>]) -> Vec<u8> {
        let Some(key) = &self.0 else { return Vec::new() };
        let mut context = hmac::Context::with_key(key);
        parts.iter().for_each(|part| context.update(part));
        context.sign().as_ref().iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
    }

    /// Compares in constant time.
    fn verify(&self, signature: &[u8], parts: &[&[u8]]) -> bool {
        let Some(key) = &self.0 else { return true };
        from_hex(signature).is_some_and(|tag| hmac::verify(key, &parts.concat(), &tag).is_ok())
    }
}

impl Composer {
    pub(crate) fn new(key: Key) -> Self {
        Self { key, session: uuid::Uuid::new_v4().to_string(), count: AtomicU64::new(0), seen: Seen::default() }
    }

    /// The id of this kernel's run, in every header it writes.
    pub(crate) fn session(&self) -> &str {
        &self.session
    }

    /// Checks and reads frames.
    pub(crate) fn decode(&self, frames: &[impl AsRef<[u8]>]) -> Result<Request, WireError> {
        let bytes = frames.iter().map(|frame| frame.as_ref().len()).sum();
        if bytes > LARGEST_BYTES {
            return Err(WireError::TooLarge { bytes });
        }
        let delimiter = frames.iter().position(|frame| frame.as_ref() == DELIMITER).ok_or(WireError::NoDelimiter)?;
        let (identities, rest) = frames.split_at(delimiter);
        let [_, signature, header, parent, metadata, content, ..] = rest else { return Err(WireError::Truncated) };
        let parts = [header.as_ref(), parent.as_ref(), metadata.as_ref(), content.as_ref()];
        if !self.key.verify(signature.as_ref(), &parts) {
            return Err(WireError::WrongSignature);
        }
        // Who listens could send again what somebody else has signed.
        if self.key.0.is_some() && !self.seen.is_new(signature.as_ref()) {
            return Err(WireError::Replayed);
        }
        let fields: HeaderFields = serde_json::from_slice(parts[0])?;
        Ok(Request {
            identities: identities.iter().map(|frame| frame.as_ref().to_vec()).collect(),
            header: Arc::new(Header { kind: fields.msg_type, raw: serde_json::from_slice(parts[0])? }),
            content: serde_json::from_slice(parts[3])?,
        })
    }

    /// The frames of a message, from the delimiter on; what routes it stands before them.
    pub(crate) fn frames(&self, message: &Message, parent: Option<&Header>) -> Vec<Vec<u8>> {
        let header = serde_json::json!({
            "msg_id": format!("{}_{}", self.session, self.count.fetch_add(1, Ordering::Relaxed)),
            "session": self.session,
            "username": "kernel",
            "date": clock::now(),
            "msg_type": message.kind,
            "version": PROTOCOL_VERSION,
        });
        let parent = parent.map_or("{}", |header| header.raw.get());
        let parts = vec![text(&header), parent.as_bytes().to_vec(), text(&message.metadata), text(&message.content)];
        let mut frames = vec![DELIMITER.to_vec(), self.key.sign(&parts)];
        frames.extend(parts);
        frames
    }
}

impl From<serde_json::Error> for WireError {
    fn from(error: serde_json::Error) -> Self {
        Self::Malformed(error)
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDelimiter => f.write_str("frames without a delimiter"),
            Self::Truncated => f.write_str("a message with too few frames"),
            Self::TooLarge { bytes } => write!(f, "a message of {bytes} bytes"),
            Self::WrongSignature => f.write_str("a message with a wrong signature"),
            Self::Replayed => f.write_str("a message that came before"),
            Self::Malformed(error) => write!(f, "a malformed message: {error}"),
        }
    }
}

fn text(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let (pairs, rest) = text.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample(key: &str) -> Vec<Vec<u8>> {
        let message = Message { kind: "status", metadata: json!({}), content: json!({"a": 1}) };
        let mut frames = vec![b"peer".to_vec()];
        frames.extend(Composer::new(Key::new(key)).frames(&message, None));
        frames
    }

    #[test]
    fn a_known_signature() {
        let parts = [b"{\"a\":1}".to_vec(), b"{}".to_vec(), b"{}".to_vec(), b"{}".to_vec()];
        let signature = String::from_utf8(Key::new("key").sign(&parts)).expect("hex is ASCII");
        assert_eq!(signature, "f1128388193e4dd1aa760827bd756a1b40b627676b5efe22c0e8297919bfa218");
        assert!(Key::new("key").verify(signature.as_bytes(), &parts.each_ref().map(Vec::as_slice)));
    }

    #[test]
    fn what_is_sent_can_be_read() {
        for key in ["", "secret"] {
            let request = Composer::new(Key::new(key)).decode(&sample(key)).expect("a good message");
            assert_eq!(request.identities, [b"peer"]);
            assert_eq!((request.header.kind.as_str(), request.content.get()), ("status", r#"{"a":1}"#));
        }
    }

    #[test]
    fn the_parent_header_is_echoed_byte_for_byte() {
        let raw = r#"{ "msg_type":"x",  "msg_id":"1", "extra":[1.0] }"#;
        let mut frames = sample("");
        frames[3] = raw.as_bytes().to_vec();
        let composer = Composer::new(Key::new(""));
        let header = composer.decode(&frames).expect("a good message").header;
        let message = Message { kind: "status", metadata: json!({}), content: json!({}) };
        assert_eq!(composer.frames(&message, Some(&header))[3], raw.as_bytes());
    }

    #[test]
    fn what_came_before_is_refused() {
        let composer = Composer::new(Key::new("secret"));
        let (first, other) = (sample("secret"), sample("secret"));
        for frames in [&first, &other] {
            assert!(composer.decode(frames).is_ok());
        }
        let mut shouted = first.clone();
        shouted[2].make_ascii_uppercase();
        for frames in [&first, &other, &shouted] {
            assert!(matches!(composer.decode(frames), Err(WireError::Replayed)));
        }
        let unsigned = Composer::new(Key::new(""));
        let frames = sample("");
        assert!((0..2).all(|_| unsigned.decode(&frames).is_ok()));
    }

    #[test]
    fn bad_frames_are_refused() {
        let composer = Composer::new(Key::new("secret"));
        for length in 0..7 {
            assert!(composer.decode(&sample("secret")[..length]).is_err(), "{length} frames");
        }
        for (frame, text) in [(2, ""), (2, "zz"), (2, "abc"), (3, "{}"), (6, "{\"a\":2}")] {
            let mut frames = sample("secret");
            frames[frame] = text.as_bytes().to_vec();
            assert!(matches!(composer.decode(&frames), Err(WireError::WrongSignature)), "{frame} {text:?}");
        }
        let unsigned = Composer::new(Key::new(""));
        for (frame, text) in [(3, &b"[]"[..]), (3, b"{}"), (3, b"\xff"), (6, b""), (6, b"\xff\xfe"), (6, b"{")] {
            let mut frames = sample("");
            frames[frame] = text.to_vec();
            assert!(matches!(unsigned.decode(&frames), Err(WireError::Malformed(_))), "{frame} {text:?}");
        }
    }
}
