//! Connections: how endpoints are written and reached, with which settings both sides speak, and who is let in.

mod connect;
mod counted;
mod door;
mod endpoint;
mod fetching;
mod first;
mod lookup;
mod reach;
mod settings;
mod stream;

pub use connect::{Connector, Dialer, EngineLink, Link};
pub(crate) use counted::Moved;
pub(crate) use door::Silence;
pub use door::{Admitted, Door, Peer, accepted};
pub use endpoint::{BadEndpoint, Endpoint};
pub use fetching::Fetching;
pub use lookup::Lookup;
pub use reach::{CertificateFault, Fault, ReachError, refusal, word_of};
pub(crate) use reach::{WORD, plain};
pub use settings::{CONNECTIONS, MESSAGE_BYTES, PATIENCE, engine_service, server};
pub use stream::Stream;
