//! The pods of the API server on the node: does what the kubelet wants, and tells it what came of it.

use crate::node::Node;
use crate::pod::Pod;
use seedpod_api::server::{Action, ContainerUsage, Meters, PodNews};
use seedpod_core::pod::Past;
use seedpod_core::spec::{self, GracePeriod};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Takes what happened to the pod with a uid.
type Tell = Box<dyn Fn(&str, Vec<PodNews>) + Send + Sync>;

/// The pods that the API server has started on a node, until it forgets them.
pub(crate) struct Pods {
    node: Node,
    tell: Tell,
    /// By uid. One that has ended still has its log.
    known: Mutex<BTreeMap<String, Pod>>,
}

impl Pods {
    /// No pods so far. What happens to them is told from tasks of their own.
    pub(crate) fn new(
        node: Node,
        tell: impl Fn(&str, Vec<PodNews>) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            node,
            tell: Box::new(tell),
            known: Mutex::default(),
        })
    }

    /// A pod by its uid, also one that has ended.
    pub(crate) fn pod(&self, uid: &str) -> Option<Pod> {
        self.known().get(uid).cloned()
    }

    /// The pod that has an address of its own.
    pub(crate) fn at(&self, ip: IpAddr) -> Option<Pod> {
        let known = self.known();
        let mut pods = known.values();
        pods.find(|pod| pod.ip() == ip).cloned()
    }

    /// Does what the kubelet wants. Never waits.
    pub(crate) fn execute(self: &Arc<Self>, action: Action) {
        match action {
            Action::Apply(objects) => {
                if let Err(error) = self.node.catalog().apply(&objects) {
                    tracing::warn!("pods do not see an object: {error}");
                }
            }
            Action::Remove(key) => drop(self.node.catalog().delete(&key)),
            // Those are no pods.
            Action::NodePorts(_) => {}
            Action::Start { uid, spec, past } => self.start(uid, &spec, past.as_deref()),
            Action::Update { uid, spec } => self.with(&uid, |pod| pod.handle().update(spec)),
            Action::Conditions { uid, conditions } => {
                self.with(&uid, |pod| pod.set_conditions(conditions));
            }
            Action::Stop { uid, grace } => self.with(&uid, |pod| pod.delete(grace)),
            Action::Forget { uid } => {
                drop(self.known().remove(&uid));
                self.node.forget_logs(&uid);
            }
        }
    }

    /// Ends all pods, as a machine does that goes down: each with its grace period, but none longer than this.
    pub(crate) async fn end(&self, longest: Duration) {
        let pods: Vec<Pod> = self.known().values().cloned().collect();
        let longest = u32::try_from(longest.as_secs()).unwrap_or(u32::MAX);
        for pod in &pods {
            let own = pod.spec().termination_grace_period.seconds;
            let seconds = own.min(longest);
            pod.delete(Some(GracePeriod { seconds }));
        }
        for pod in &pods {
            pod.wait().await;
        }
    }

    fn start(self: &Arc<Self>, uid: String, spec: &spec::Pod, past: Option<&Past>) {
        let started = self.node.start_pod(&uid, spec.clone(), past);
        let pods = self.clone();
        match started {
            Ok(pod) => {
                self.known().insert(uid.clone(), pod.clone());
                let follow = async move { pods.follow(&uid, &pod).await };
                self.node.runtime().spawn(follow);
            }
            Err(error) => {
                let message = error.to_string();
                let tell = async move { (pods.tell)(&uid, vec![PodNews::NotStarted { message }]) };
                self.node.runtime().spawn(tell);
            }
        }
    }

    /// Tells of all that happens to a pod; of several changes of its status that come at once only the last.
    async fn follow(&self, uid: &str, pod: &Pod) {
        let record = pod.record();
        let mut latest = record.subscribe();
        latest.mark_changed();
        let mut position = 0;
        loop {
            let mut news = Vec::new();
            tokio::select! {
                // The sender lives in the record that the pod holds.
                _ = latest.changed() => {}
                Some(event) = record.events.next(&mut position) => {
                    news.push(PodNews::Event(event));
                    latest.mark_changed();
                }
            }
            while let Some(event) = record.events.try_next(&mut position) {
                news.push(PodNews::Event(event));
            }
            let latest = latest.borrow_and_update().clone();
            news.extend(
                latest
                    .status
                    .map(|status| PodNews::Status(Box::new(status))),
            );
            if latest.ended {
                news.push(PodNews::Gone);
            }
            (self.tell)(uid, news);
            if latest.ended {
                return;
            }
        }
    }

    fn with(&self, uid: &str, call: impl FnOnce(&Pod)) {
        let pod = self.pod(uid);
        if let Some(pod) = pod {
            call(&pod);
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Pod>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meters for Pods {
    fn usage(&self, uid: &str) -> Vec<ContainerUsage> {
        let usage = self.pod(uid).map(|pod| pod.handle().usage());
        let usage = usage.into_iter().flatten();
        usage
            .map(|one| ContainerUsage {
                container: one.container,
                cpu: one.cpu,
                memory_bytes: one.memory_bytes,
            })
            .collect()
    }
}
