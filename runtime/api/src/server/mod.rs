//! A Kubernetes API server for one node, as plain data: requests in, answers out, nothing done.
//!
//! A request passes these modules in order: [`request`] says what it is about, [`registry`] knows the resource and its
//! `kinds` the rules for it, `verbs` do what is asked in the [`Store`]. `controllers` and `kubelet` look at what changed
//! and change more; what the world has to do for that is an [`Action`], and what came of it is [`PodNews`]. A watch is a
//! place in the store's changes that its connection reads on from; exec, attach, logs and port forwarding are
//! [`Stream`]s that the world opens.
//!
//! `host` drives this with real connections, the simulator with written conversations: the same bytes in both.

pub mod error;
pub mod registry;
pub mod request;
pub mod stream;
pub mod token;

pub(crate) mod accept;
mod access;
mod content;
mod controllers;
mod cron;
mod discovery;
mod indexes;
mod kinds;
mod kubelet;
mod managed;
mod manifest;
mod metrics;
mod negotiate;
pub(crate) mod object;
mod openapi;
mod protobuf;
pub(crate) mod schema;
mod splice;
mod table;
mod verbs;

pub use kubelet::{Action, NodePort, PodNews};
pub use metrics::{ContainerUsage, Meters};
pub use request::{Answer, Request, Response, User};
pub use stream::Stream;
pub use verbs::watch::{Watch, WatchRead};

use bytes::Bytes;
use error::ApiError;
use registry::Resource;
use request::Target;
use seedpod_core::limits::TURN_ROUNDS_MAX;
use seedpod_core::seed::{Rng, Seed, uuid};
use seedpod_core::store::{Key, Revision, Store, Write};
use seedpod_core::time::{Instant, WallTime};
use serde_json::Value;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// What time it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For what is due.
    pub instant: Instant,
    /// For what is written down.
    pub wall: WallTime,
}

/// What a server knows of the node it stands for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of the node.
    pub node_name: String,
    /// Address of the node on the pod network.
    pub node_ip: std::net::IpAddr,
    /// Processors of the machine.
    pub cpus: u64,
    /// Bytes of memory of the machine.
    pub memory_bytes: u64,
    /// Bytes of the disk where volumes are.
    pub storage_bytes: u64,
    /// `linux`, `windows`, `darwin`.
    pub operating_system: String,
    /// `amd64`, `arm64`.
    pub architecture: String,
    /// Port of the API server on the node: what the Service `kubernetes` leads to.
    pub api_port: u16,
    /// PEM of the authority that has signed the API server's certificate.
    pub ca_certificate: String,
    /// Signs tokens of ServiceAccounts.
    pub signer: Arc<dyn token::Signer>,
}

impl Settings {
    /// For worlds without a machine: a small node whose tokens follow from the seed.
    pub fn simulated(seed: Seed) -> Self {
        Self {
            node_name: "seedpod".to_owned(),
            node_ip: std::net::Ipv4Addr::new(10, 88, 0, 1).into(),
            cpus: 2,
            memory_bytes: 4 << 30,
            storage_bytes: 16 << 30,
            operating_system: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            api_port: 6443,
            ca_certificate: String::new(),
            signer: Arc::new(token::SeedSigner(seed)),
        }
    }
}

/// The API server with its controllers and the kubelet of its one node.
pub struct Server {
    pub(crate) store: Store,
    pub(crate) now: Now,
    pub(crate) rng: Rng,
    pub(crate) settings: Settings,
    pub(crate) index: controllers::Index,
    pub(crate) meters: Option<Arc<dyn Meters>>,
    pub(crate) readings: metrics::Readings,
    kubelet: kubelet::Kubelet,
    tokens: token::TokenVolumes,
    pub(crate) allocations: kinds::Allocations,
    pub(crate) told: controllers::Told,
    shared: verbs::watch::Shared,
    controllers: controllers::Controllers,
    pub(crate) actions: VecDeque<Action>,
}

impl Server {
    /// A server over `store`, empty or restored, which from now on has what every cluster has: its namespaces, the node.
    pub fn new(settings: Settings, store: Store, seed: Seed, now: Now) -> Self {
        let mut server = Self {
            store,
            now,
            rng: seed.fork("api server").rng(),
            settings,
            index: controllers::Index::default(),
            meters: None,
            readings: metrics::Readings::default(),
            kubelet: kubelet::Kubelet::default(),
            tokens: token::TokenVolumes::default(),
            allocations: kinds::Allocations::default(),
            told: controllers::Told::default(),
            shared: verbs::watch::Shared::default(),
            controllers: controllers::Controllers::default(),
            actions: VecDeque::new(),
        };
        controllers::bootstrap(&mut server);
        kubelet::bootstrap(&mut server);
        server.turn(now);
        server
    }

    /// Answers a request.
    pub fn handle(&mut self, now: Now, request: &Request) -> Answer {
        self.now = now;
        let answer = access::impersonated(request).and_then(|request| {
            let target = Target::of(&request)?;
            self.answer(&request, &target)
        });
        let mut answer = answer.unwrap_or_else(|error| Answer::Response(error.response()));
        if let Answer::Response(response) = &mut answer {
            content::compress(request, response);
        }
        self.turn(now);
        answer
    }

    /// Lets controllers and kubelet do what is due.
    pub fn turn(&mut self, now: Now) {
        self.now = now;
        for _ in 0..TURN_ROUNDS_MAX {
            let before = self.revision();
            controllers::turn(self);
            kubelet::turn(self);
            self.turn_tokens();
            if self.revision() == before {
                break;
            }
        }
    }

    /// Takes in what happened to a pod that an [`Action`] started.
    pub fn pod_news(&mut self, now: Now, uid: &str, news: PodNews) {
        self.now = now;
        kubelet::news(self, uid, news);
        self.turn(now);
    }

    /// Takes in that a port of the machine that an [`Action`] wanted cannot be opened.
    pub fn node_port_news(&mut self, now: Now, port: &NodePort, message: &str) {
        self.now = now;
        controllers::node_port_news(self, port, message);
        self.turn(now);
    }

    /// From where it knows what pods use; without, nobody does.
    pub fn set_meters(&mut self, meters: Arc<dyn Meters>) {
        self.meters = Some(meters);
    }

    /// What the world has to do next.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`turn`](Self::turn) has something to do although nothing has happened.
    pub fn next_deadline(&self) -> Option<Instant> {
        let all = [
            self.controllers.next_deadline(self.revision()),
            self.kubelet.next_deadline(),
            self.tokens.next_deadline(),
        ];
        all.into_iter().flatten().min()
    }

    /// `metadata.uid` of all pods there are: whatever else is kept of a pod may go.
    pub fn pod_uids(&self) -> BTreeSet<String> {
        let pods = self.objects(&registry::PODS, None);
        pods.iter().map(|pod| object::uid(pod).to_owned()).collect()
    }

    /// The last change of any object. An answer may go out once all changes up to this are on the disk.
    pub fn revision(&self) -> Revision {
        self.store.revision()
    }

    /// What has to go to the disk.
    pub fn take_writes(&mut self) -> Vec<Write> {
        self.store.take_writes()
    }

    /// Reads on in a watch: at once again while there is something, then when something has changed or at
    /// [`Watch::next_deadline`].
    pub fn read_watch(&mut self, now: Now, watch: &mut Watch) -> WatchRead {
        verbs::watch::read(self, now, watch)
    }

    fn answer(&mut self, request: &Request, target: &Target<'_>) -> Result<Answer, ApiError> {
        access::check(request, target)?;
        match target {
            Target::Resource(target) => verbs::answer(self, request, target),
            Target::Other(path) => {
                let response = discovery::answer(self, request, path)?;
                Ok(Answer::Response(response))
            }
        }
    }

    /// One object as it is now.
    pub(crate) fn object(&self, resource: &Resource, namespace: &str, name: &str) -> Option<Value> {
        let stored = self.store.get(&resource.key(namespace, name))?;
        Some(object::decode(&stored.value))
    }

    /// The objects of a resource as they are now, by namespace and name.
    pub(crate) fn objects(
        &self,
        resource: &'static Resource,
        namespace: Option<&str>,
    ) -> Vec<Value> {
        let all = self.store.list(resource.name(), namespace);
        all.map(|(_, stored)| object::decode(&stored.value))
            .collect()
    }

    /// A uid for an object.
    pub(crate) fn uid(&mut self) -> String {
        let bits = (u128::from(self.rng.next_u64()) << 64) | u128::from(self.rng.next_u64());
        uuid(bits)
    }

    /// The random end of a generated name.
    pub(crate) fn name_suffix(&mut self) -> String {
        let mut letter = || usize::try_from(self.rng.below(LETTERS.len() as u64)).unwrap_or(0);
        (0..5).map(|_| char::from(LETTERS[letter()])).collect()
    }
}

/// What makes no words, and does not look like another letter (`apimachinery/pkg/util/rand`).
pub(crate) const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The JSON of an object with its revision, as it is kept and sent.
pub(crate) fn encode(object: &mut Value, revision: Revision) -> Bytes {
    object["metadata"]["resourceVersion"] = Value::String(revision.to_string());
    object.to_string().into()
}

impl Resource {
    /// The key of one of its objects.
    pub(crate) fn key(&self, namespace: &str, name: &str) -> Key {
        let namespace = if self.is_namespaced { namespace } else { "" };
        Key::new(self.name(), namespace, name)
    }
}
