//! Port forwarding.

use super::link::{Io, Link, Wire};
use super::{idle, protocol};
use crate::connection::Connection;
use crate::pod::Pod;
use bytes::Bytes;
use seedpod_api::server::stream::channel::Encoding;
use seedpod_api::server::stream::forward::{ForwardEvent, PortForward};
use seedpod_api::server::stream::upgrade::{TUNNEL, Upgrade};
use seedpod_core::limits::FORWARDED_PIECES_WAITING;
use std::collections::BTreeMap;
use std::io;
use std::net::Ipv6Addr;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

/// How much is read at once.
const READ_BYTES: usize = 32 << 10;

/// Forwards connections until the client goes.
pub(super) async fn run(io: Io, agreed: &Upgrade, ports: &[u16], pod: Pod) {
    let (machine, wire) = match agreed {
        Upgrade::WebSocket { protocol, .. } if *protocol == TUNNEL => {
            (PortForward::over_spdy(), Wire::websocket(false))
        }
        Upgrade::WebSocket { .. } => {
            let protocol = protocol(agreed);
            let is_text = Encoding::of(protocol).is_text();
            let machine = PortForward::over_channels(protocol, ports);
            (machine, Wire::websocket(is_text))
        }
        Upgrade::Spdy { .. } | Upgrade::None => (PortForward::over_spdy(), Wire::plain()),
    };
    let link = Arc::new(Link::new(machine, wire));
    let (mut reader, mut writer) = tokio::io::split(io);
    let mut write = pin!(link.write(&mut writer));
    tokio::select! {
        () = forward(&link, &mut reader, &pod) => {}
        () = &mut write => return,
        () = idle(|| link.last()) => {}
    }
    link.close(&mut reader, write).await;
}

/// One connection, as who reads from the client sees it.
struct Forwarded {
    /// `None` once the client has ended its side.
    pieces: Option<mpsc::Sender<Bytes>>,
    task: AbortHandle,
}

async fn forward(link: &Arc<Link<PortForward>>, reader: &mut ReadHalf<Io>, pod: &Pod) {
    // Dropped with this, so that no connection outlives the client.
    let mut tasks = JoinSet::new();
    let mut all: BTreeMap<u32, Forwarded> = BTreeMap::new();
    loop {
        while let Some(event) = link.with(PortForward::next_event) {
            match event {
                ForwardEvent::Opened { id, port } => {
                    let (pieces, waiting) = mpsc::channel(FORWARDED_PIECES_WAITING);
                    let task =
                        tasks.spawn(connection(link.clone(), pod.clone(), id, port, waiting));
                    let pieces = Some(pieces);
                    all.insert(id, Forwarded { pieces, task });
                }
                ForwardEvent::Data { id, bytes } => {
                    let count = bytes.len();
                    let pieces = all.get(&id).and_then(|one| one.pieces.clone());
                    let sent = match pieces {
                        Some(pieces) => pieces.send(bytes).await.is_ok(),
                        None => false,
                    };
                    if !sent {
                        link.with(|machine| machine.consume(id, count));
                    }
                }
                ForwardEvent::Ended { id } => {
                    if let Some(one) = all.get_mut(&id) {
                        one.pieces = None;
                    }
                }
                ForwardEvent::Reset { id } => {
                    if let Some(one) = all.remove(&id) {
                        one.task.abort();
                        link.with(|machine| machine.forget(id));
                    }
                }
            }
        }
        while tasks.try_join_next().is_some() {}
        all.retain(|_, one| !one.task.is_finished());
        if link.receive(reader).await.is_err() {
            return;
        }
    }
}

/// One connection from its beginning to its end.
async fn connection(
    link: Arc<Link<PortForward>>,
    pod: Pod,
    id: u32,
    port: u16,
    mut waiting: mpsc::Receiver<Bytes>,
) {
    let connected = match pod.connect(port).await {
        Ok(connection) => Ok(connection),
        Err(error) => pod
            .connect_to(Ipv6Addr::LOCALHOST.into(), port)
            .await
            .map_err(|_| error),
    };
    match connected {
        Ok(connection) => {
            let (from_server, mut to_server) = tokio::io::split(connection);
            let sent = send(&link, id, &mut waiting, &mut to_server);
            let read = receive(&link, id, from_server);
            if let (Err(error), _) | (_, Err(error)) = tokio::join!(sent, read) {
                tracing::debug!(%error, "a forwarded connection ends");
            }
            link.with(|machine| machine.forget(id));
        }
        Err(error) => {
            let uid = pod.uid();
            let text = format!(
                "error forwarding port {port} to pod {uid}, uid : failed to execute portforward in network namespace \
                 {uid:?}: failed to connect to localhost:{port} inside namespace {uid:?}, IPv4: dial tcp4 \
                 127.0.0.1:{port}: connect: {error} IPv6 dial tcp6 [::1]:{port}: connect: {error} "
            );
            link.with(|machine| machine.fail(id, &text));
        }
    }
}

/// From the client to the server.
async fn send(
    link: &Link<PortForward>,
    id: u32,
    waiting: &mut mpsc::Receiver<Bytes>,
    to_server: &mut WriteHalf<Connection>,
) -> io::Result<()> {
    while let Some(bytes) = waiting.recv().await {
        to_server.write_all(&bytes).await?;
        link.with(|machine| machine.consume(id, bytes.len()));
    }
    to_server.shutdown().await
}

/// From the server to the client.
async fn receive(
    link: &Link<PortForward>,
    id: u32,
    mut from_server: ReadHalf<Connection>,
) -> io::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let count = from_server.read(&mut buffer).await?;
        if count == 0 {
            link.with(|machine| machine.finish(id));
            return Ok(());
        }
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            let Some(room) = link.room(|machine| machine.room(id)).await else {
                return Ok(());
            };
            let (piece, more) = rest.split_at(rest.len().min(room));
            link.with(|machine| machine.write(id, piece));
            rest = more;
        }
    }
}
