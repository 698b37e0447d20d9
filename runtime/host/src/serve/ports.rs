//! Ports of the machine that lead to Services: node ports.

use super::pods::Pods;
use crate::node::Node;
use crate::publish::{serve_tcp, serve_udp};
use seedpod_api::server::NodePort;
use seedpod_core::limits::NODE_PORT_RETRY;
use seedpod_core::net::{Fabric, NODE_IP, Protocol};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Takes why a port is not open.
type Tell = Box<dyn Fn(&NodePort, &str) + Send + Sync>;

/// The node ports of an API server.
pub(super) struct Ports {
    inner: Arc<Inner>,
    open: Mutex<BTreeMap<(u16, Protocol), Port>>,
}

struct Inner {
    fabric: Fabric,
    runtime: Handle,
    /// Of the machine, where the ports are.
    ip: IpAddr,
    pods: Arc<Pods>,
    tell: Tell,
}

struct Port {
    /// `None` once nobody wants it any more; then its task is about to end.
    to: Option<watch::Sender<NodePort>>,
    task: JoinHandle<()>,
}

impl Ports {
    /// None so far.
    pub(super) fn new(
        node: &Node,
        ip: IpAddr,
        pods: Arc<Pods>,
        tell: impl Fn(&NodePort, &str) + Send + Sync + 'static,
    ) -> Self {
        let inner = Inner {
            fabric: node.fabric().clone(),
            runtime: node.runtime().clone(),
            ip,
            pods,
            tell: Box::new(tell),
        };
        Self {
            inner: Arc::new(inner),
            open: Mutex::default(),
        }
    }

    /// Opens these, and closes all others. Never waits.
    pub(super) fn set(&self, wanted: Vec<NodePort>) {
        let mut open = self.lock();
        open.retain(|_, port| port.to.is_some() || !port.task.is_finished());
        let wanted: BTreeMap<_, _> = wanted
            .into_iter()
            .map(|port| ((port.port, port.protocol), port))
            .collect();
        for (key, port) in open.iter_mut() {
            if !wanted.contains_key(key) && port.to.take().is_some() {
                port.task.abort();
            }
        }
        for (key, port) in wanted {
            let before = match open.remove(&key) {
                Some(Port { to: Some(to), task }) => {
                    to.send_replace(port);
                    let to = Some(to);
                    open.insert(key, Port { to, task });
                    continue;
                }
                Some(Port { to: None, task }) => Some(task),
                None => None,
            };
            let (sender, receiver) = watch::channel(port);
            let inner = self.inner.clone();
            let task = self.inner.runtime.spawn(async move {
                // Until then the port is still in use.
                if let Some(before) = before {
                    let _ = before.await;
                }
                inner.serve(receiver).await;
            });
            let to = Some(sender);
            open.insert(key, Port { to, task });
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(u16, Protocol), Port>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ports {
    fn drop(&mut self) {
        self.lock().values().for_each(|port| port.task.abort());
    }
}

impl Inner {
    /// Serves a port for ever. One that somebody else has is tried again and again.
    async fn serve(&self, port: watch::Receiver<NodePort>) {
        let mut is_told = false;
        loop {
            if let Err(error) = self.open(&port).await
                && !std::mem::replace(&mut is_told, true)
            {
                let wanted = port.borrow().clone();
                let address = SocketAddr::new(self.ip, wanted.port);
                (self.tell)(&wanted, &format!("cannot listen on {address}: {error}"));
            }
            sleep(NODE_PORT_RETRY).await;
        }
    }

    async fn open(&self, port: &watch::Receiver<NodePort>) -> io::Result<()> {
        let NodePort {
            port: number,
            protocol,
            ..
        } = *port.borrow();
        let address = SocketAddr::new(self.ip, number);
        let to = || port.borrow().to;
        match protocol {
            Protocol::Tcp => {
                let listener = TcpListener::bind(address).await?;
                serve_tcp(listener, &self.fabric, to).await
            }
            Protocol::Udp => {
                let socket = UdpSocket::bind(address).await?;
                let choose = || {
                    let to = self.fabric.backend(Protocol::Udp, NODE_IP.into(), to())?;
                    Some((self.pods.at(to.ip())?.handle().clone(), to))
                };
                serve_udp(socket, choose).await
            }
        }
    }
}
