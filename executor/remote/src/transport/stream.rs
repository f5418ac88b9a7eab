//! Bytes both ways, over whatever carries them.

use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes both ways: a socket, TLS over one, or one of a simulated network.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}
