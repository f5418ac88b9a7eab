//! The five sockets of a connection.

use crate::connection::{Connection, Transport};
use crate::error::Error;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Duration;
use zeromq::{RepSocket, RouterSocket, Socket, SocketRecv, SocketSend, XPubSocket, ZmqError};

/// A subscriber that reads nothing for so long is cut off.
#[cfg(target_os = "linux")]
const STALLED_AFTER: Duration = Duration::from_secs(10);

/// The sockets, open.
pub(crate) struct Sockets {
    pub(crate) shell: RouterSocket,
    pub(crate) control: RouterSocket,
    pub(crate) stdin: RouterSocket,
    pub(crate) heartbeat: RepSocket,
    pub(crate) iopub: XPubSocket,
    /// What opens `iopub` again.
    pub(crate) iopub_listener: Listener,
}

/// A place where clients connect.
pub(crate) enum Listener {
    Tcp(TcpListener),
    Ipc(UnixListener),
}

/// Opens all sockets.
pub(crate) async fn open(connection: &Connection) -> Result<Sockets, Error> {
    let ports = &connection.ports;
    let iopub_listener = listen(connection, "iopub", ports.iopub)?;
    Ok(Sockets {
        shell: opened(connection, "shell", ports.shell).await?,
        control: opened(connection, "control", ports.control).await?,
        stdin: opened(connection, "stdin", ports.stdin).await?,
        heartbeat: opened(connection, "heartbeat", ports.heartbeat).await?,
        iopub: opened_on(&iopub_listener, connection, "iopub", ports.iopub).await?,
        iopub_listener,
    })
}

/// Sends every ping back.
pub(crate) async fn beat(mut heartbeat: RepSocket) {
    loop {
        match heartbeat.recv().await {
            Ok(ping) => {
                let _ = heartbeat.send(ping).await;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Removes the files of Unix sockets.
pub(crate) fn remove_files(connection: &Connection) {
    let ports = &connection.ports;
    for port in [ports.shell, ports.control, ports.stdin, ports.heartbeat, ports.iopub] {
        if let Place::File(path) = place(connection, port) {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Listener {
    /// Lets a socket accept clients here; the listener can do so again.
    pub(crate) async fn open(&self, socket: &mut impl Socket) -> Result<(), ZmqError> {
        let listener: zeromq::Listener = match self {
            Self::Tcp(listener) => listener.try_clone()?.into(),
            Self::Ipc(listener) => listener.try_clone()?.into(),
        };
        socket.bind_listener(listener).await.map(drop)
    }
}

enum Place {
    Address(SocketAddr),
    File(PathBuf),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

fn place(connection: &Connection, port: u16) -> Place {
    match &connection.transport {
        Transport::Tcp(ip) => Place::Address(SocketAddr::new(*ip, port)),
        Transport::Ipc(prefix) => Place::File(format!("{}-{port}", prefix.display()).into()),
    }
}

async fn opened<S: Socket>(connection: &Connection, channel: &'static str, port: u16) -> Result<S, Error> {
    opened_on(&listen(connection, channel, port)?, connection, channel, port).await
}

async fn opened_on<S: Socket>(
    listener: &Listener,
    connection: &Connection,
    channel: &'static str,
    port: u16,
) -> Result<S, Error> {
    let mut socket = S::new();
    listener.open(&mut socket).await.map_err(|error| Error::Bind {
        channel,
        place: place(connection, port).to_string(),
        source: io::Error::other(error),
    })?;
    Ok(socket)
}

fn listen(connection: &Connection, channel: &'static str, port: u16) -> Result<Listener, Error> {
    let place = place(connection, port);
    let listener = match &place {
        Place::Address(address) => listen_tcp(*address).map(Listener::Tcp),
        Place::File(path) => {
            let _ = std::fs::remove_file(path);
            UnixListener::bind(path).map(Listener::Ipc)
        }
    };
    listener.map_err(|source| Error::Bind { channel, place: place.to_string(), source })
}

/// Accepted connections inherit the option.
fn listen_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    #[cfg(target_os = "linux")]
    socket2::SockRef::from(&listener).set_tcp_user_timeout(Some(STALLED_AFTER))?;
    Ok(listener)
}
