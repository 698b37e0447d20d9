//! The way from a pod to the network of the machine, where `--egress host` opened it.

use crate::connection::{Connection, net_error};
use bytes::Bytes;
use seedpod_core::limits::{EGRESS_DATAGRAM_IDLE, EGRESS_DATAGRAM_SOCKETS};
use seedpod_core::net::{Mailbox, OutsideConnect, OutsideLookup, Request};
use seedpod_engine::PodHandle;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpStream, UdpSocket, lookup_host};
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Does what a guest asked for, in the background.
pub(crate) fn perform(runtime: &Handle, pod: &PodHandle, request: Request) {
    match request {
        Request::Connect(connect) => drop(runtime.spawn(connect_out(connect))),
        Request::Lookup(lookup) => drop(runtime.spawn(resolve(lookup))),
        Request::Datagrams { remote, mailbox } => {
            let pod = pod.clone();
            drop(runtime.spawn(async move {
                exchange(&pod, remote, &mailbox).await;
                pod.with(|kernel| kernel.net.close_outside(remote));
            }));
        }
    }
}

async fn connect_out(connect: OutsideConnect) {
    match TcpStream::connect(connect.remote()).await {
        Ok(outside) => {
            if let Some(stream) = connect.accept() {
                Connection::new(stream).join(outside).await;
            }
        }
        Err(error) => connect.refuse(net_error(&error)),
    }
}

async fn resolve(lookup: OutsideLookup) {
    for name in lookup.names() {
        // The operating system does not say in a portable way whether a name is unknown or its server is.
        let found = lookup_host((name.as_str(), 0)).await;
        let found = found.map(|addresses| addresses.map(|address| address.ip()).collect());
        let mut found: Vec<_> = found.unwrap_or_default();
        found.dedup();
        if !found.is_empty() {
            return lookup.resolve(found);
        }
    }
    lookup.resolve(Vec::new());
}

/// Sends what guests send to `remote`, each of their sockets by a socket of its own, until there was nothing for a while.
async fn exchange(pod: &PodHandle, remote: SocketAddr, mailbox: &Mailbox) {
    let mut sockets: BTreeMap<SocketAddr, Arc<UdpSocket>> = BTreeMap::new();
    let mut answers = JoinSet::new();
    loop {
        let received = timeout(
            EGRESS_DATAGRAM_IDLE,
            poll_fn(|cx| mailbox.poll_receive(cx.waker())),
        )
        .await;
        let Ok(Ok(datagram)) = received else { return };
        let socket = match sockets.get(&datagram.from) {
            Some(socket) => socket.clone(),
            None if sockets.len() >= EGRESS_DATAGRAM_SOCKETS => {
                sockets.clear();
                answers.abort_all();
                continue;
            }
            None => match open(remote).await {
                Ok(socket) => {
                    let socket = Arc::new(socket);
                    answers.spawn(receive(pod.clone(), socket.clone(), remote, datagram.from));
                    sockets.insert(datagram.from, socket.clone());
                    socket
                }
                Err(error) => {
                    tracing::debug!(%remote, %error, "a datagram was lost");
                    continue;
                }
            },
        };
        if let Err(error) = socket.send(&datagram.data).await {
            tracing::debug!(%remote, %error, "a datagram was lost");
        }
    }
}

async fn open(remote: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match remote {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(remote).await?;
    Ok(socket)
}

async fn receive(pod: PodHandle, socket: Arc<UdpSocket>, remote: SocketAddr, guest: SocketAddr) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    while let Ok(len) = socket.recv(&mut buffer).await {
        let data = Bytes::copy_from_slice(&buffer[..len]);
        // A guest that has closed its socket does not get the answer, as with any socket.
        let _ = pod.with(|kernel| kernel.net.send_from(remote, guest, data));
    }
}

/// The largest payload UDP can have.
pub(crate) const DATAGRAM_BYTES_MAX: usize = 65_535;
