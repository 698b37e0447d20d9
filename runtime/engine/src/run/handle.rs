//! The other side of a pod: what people and servers ask of it while it runs.

use crate::guest::PodCell;
use crate::jobs::Ready;
use crate::world::PodName;
use seedpod_core::kernel::Kernel;
use seedpod_core::spec::GracePeriod;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Something asked of a pod.
#[derive(Clone, Debug)]
pub enum Request {
    /// Stop and go away.
    Delete {
        /// Instead of the pod's own grace period.
        grace: Option<GracePeriod>,
    },
    /// An object that the pod mounts is another.
    ObjectsChanged,
}

/// A running pod, as others hold it.
#[derive(Clone)]
pub struct PodHandle {
    name: PodName,
    uid: String,
    cell: Arc<PodCell>,
    inbox: Arc<Inbox>,
}

impl PodHandle {
    pub(super) fn new(name: PodName, uid: String, cell: Arc<PodCell>, inbox: Arc<Inbox>) -> Self {
        Self {
            name,
            uid,
            cell,
            inbox,
        }
    }

    /// Namespace and name.
    pub fn name(&self) -> &PodName {
        &self.name
    }

    /// `metadata.uid`.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// Stops the pod with its grace period, or with `grace`; a second call may only shorten it.
    pub fn delete(&self, grace: Option<GracePeriod>) {
        self.inbox.send(Request::Delete { grace });
    }

    /// Calls into the kernel of the pod, such as `kernel.net` to connect to a port or to listen on one. Keep it short:
    /// the guests of the pod wait meanwhile.
    pub fn with<R>(&self, call: impl FnOnce(&mut Kernel) -> R) -> R {
        self.cell.with(call)
    }
}

/// Requests that wait for the pod's next turn.
pub(crate) struct Inbox {
    requests: Mutex<Vec<Request>>,
    ready: Arc<Ready>,
}

impl Inbox {
    pub(super) fn new(ready: Arc<Ready>) -> Self {
        Self {
            requests: Mutex::default(),
            ready,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(super) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.lock())
    }

    /// However often, it is one request until the pod has looked.
    pub(crate) fn objects_changed(&self) {
        let mut requests = self.lock();
        if !matches!(requests.last(), Some(Request::ObjectsChanged)) {
            requests.push(Request::ObjectsChanged);
        }
        drop(requests);
        self.ready.notify();
    }

    fn send(&self, request: Request) {
        self.lock().push(request);
        self.ready.notify();
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
