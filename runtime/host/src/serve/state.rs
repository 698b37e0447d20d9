//! The server that all connections share.

use super::pods::Pods;
use super::ports::Ports;
use super::store::{Disk, StoreError};
use crate::connection::Connection;
use crate::logs::LogFolder;
use crate::node::Node;
use crate::pod::Pod;
use seedpod_api::server::{Action, NodePort, Now, PodNews, Server};
use seedpod_core::limits::API_CLOSING_TIME_MAX;
use seedpod_core::store::Revision;
use seedpod_core::time::Instant;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{Notify, watch};

/// The API server of a process, one lock around it.
pub(crate) struct State {
    shared: Mutex<Shared>,
    pub(super) disk: Disk,
    /// Wakes who waits for the next deadline, when that has become another.
    rearm: Notify,
    /// Whether everything that goes on without end has to end.
    closing: watch::Sender<bool>,
    node: Node,
    pods: Arc<Pods>,
    ports: Ports,
}

struct Shared {
    server: Server,
    armed: Option<Instant>,
}

/// Tells the server what happens to pods, as long as there is one. Pods that end with it are to start again.
fn tell(state: Weak<State>) -> impl Fn(&str, Vec<PodNews>) + Send + Sync {
    move |uid, news| {
        if let Some(state) = state.upgrade()
            && !*state.closing.borrow()
        {
            state.with(|server, now| {
                for one in news {
                    server.pod_news(now, uid, one);
                }
            });
        }
    }
}

/// Tells the server of a node port that cannot be opened, as long as there is one.
fn tell_of_port(state: Weak<State>) -> impl Fn(&NodePort, &str) + Send + Sync {
    move |port, message| {
        if let Some(state) = state.upgrade() {
            state.with(|server, now| server.node_port_news(now, port, message));
        }
    }
}

impl State {
    /// Node ports are opened at `ip`.
    pub(super) fn new(mut server: Server, disk: Disk, node: Node, ip: IpAddr) -> Arc<Self> {
        Arc::new_cyclic(|state: &Weak<Self>| {
            let pods = Pods::new(node.clone(), tell(state.clone()));
            server.set_meters(pods.clone());
            let ports = Ports::new(&node, ip, pods.clone(), tell_of_port(state.clone()));
            Self {
                pods,
                ports,
                shared: Mutex::new(Shared {
                    server,
                    armed: None,
                }),
                disk,
                rearm: Notify::new(),
                closing: watch::Sender::new(false),
                node,
            }
        })
    }

    /// What time it is.
    pub(crate) fn now(&self) -> Now {
        self.node.time()
    }

    /// Does something with the server, and sees to it that what comes of it happens. What `work` says may go out once
    /// [`written`](Self::written) to the revision.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Server, Now) -> R) -> (R, Revision) {
        let mut shared = self.shared();
        let now = self.now();
        let result = work(&mut shared.server, now);
        // Still under the lock, so that changes and actions keep their order.
        self.disk.write(shared.server.take_writes());
        while let Some(action) = shared.server.next_action() {
            self.execute(action);
        }
        let deadline = shared.server.next_deadline();
        if shared.armed != deadline {
            shared.armed = deadline;
            self.rearm.notify_one();
        }
        (result, shared.server.revision())
    }

    /// Looks something up.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Server, Now) -> R) -> R {
        look(&self.shared().server, self.now())
    }

    /// Waits until a revision is on the disk.
    ///
    /// # Errors
    /// When it never will be.
    pub(crate) async fn written(&self, revision: Revision) -> Result<(), StoreError> {
        self.disk.written(revision).await
    }

    /// Lets the server do what is due, for ever.
    pub(super) async fn turn_when_due(&self) {
        loop {
            let deadline = self.shared().armed;
            let due = async {
                match deadline {
                    Some(deadline) => self.node.sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.rearm.notified() => {}
                () = due => drop(self.with(Server::turn)),
            }
        }
    }

    /// Ends what goes on without end.
    pub(super) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Where the logs of pods are kept.
    pub(crate) fn logs(&self) -> Option<&LogFolder> {
        self.node.logs()
    }

    /// Connects to a server on the pod network.
    ///
    /// # Errors
    /// When nobody listens there.
    pub(crate) async fn connect(&self, to: SocketAddr) -> io::Result<Connection> {
        self.node.connect(to).await
    }

    /// Ends the pods, once nobody starts new ones.
    pub(super) async fn end_pods(&self) {
        self.pods.end(API_CLOSING_TIME_MAX).await;
    }

    /// Becomes true when the server ends.
    pub(crate) fn closing(&self) -> watch::Receiver<bool> {
        self.closing.subscribe()
    }

    /// A pod that was started, by its uid; also one that has ended, until its object is gone.
    pub(crate) fn pod(&self, uid: &str) -> Option<Pod> {
        self.pods.pod(uid)
    }

    fn execute(&self, action: Action) {
        match action {
            Action::NodePorts(ports) => self.ports.set(ports),
            action => self.pods.execute(action),
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
