//! The kubelet of the one node: pods of the store become pods of the world, and what these say becomes their status.

use super::Server;
use seedpod_core::pod::{ForeignCondition, PodEvent, Status};
use seedpod_core::spec::{self, GracePeriod, ObjectKey, Objects};
use seedpod_core::time::Instant;
use std::net::SocketAddr;
use std::sync::Arc;

/// What the world has to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// ConfigMaps, Secrets and Services are there or are others: tell the catalog. Has no pods.
    Apply(Objects),
    /// One of them is gone.
    Remove(ObjectKey),
    /// These ports of the machine lead to Services, and no others.
    NodePorts(Vec<NodePort>),
    /// Start a pod.
    Start {
        /// `metadata.uid`
        uid: String,
        /// What to run.
        spec: Arc<spec::Pod>,
    },
    /// Change a pod.
    Update {
        /// `metadata.uid`
        uid: String,
        /// All of it.
        spec: Arc<spec::Pod>,
    },
    /// Set the conditions of a pod that are not the kubelet's.
    Conditions {
        /// `metadata.uid`
        uid: String,
        /// All of them.
        conditions: Vec<ForeignCondition>,
    },
    /// Stop a pod; a second time may only be sooner.
    Stop {
        /// `metadata.uid`
        uid: String,
        /// From SIGTERM to SIGKILL.
        grace: Option<GracePeriod>,
    },
    /// Have a pod evicted.
    Evict {
        /// `metadata.uid`
        uid: String,
        /// Why.
        message: String,
    },
}

/// A port of the machine that leads to a Service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodePort {
    /// On the machine.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: spec::Protocol,
    /// `namespace/name` of the Service, for messages.
    pub service: String,
    /// Address and port of the Service on the pod network.
    pub to: SocketAddr,
}

/// What happened to a pod.
#[derive(Clone, Debug)]
pub enum PodNews {
    /// Its status is another.
    Status(Box<Status>),
    /// Something worth an Event.
    Event(PodEvent),
    /// It could not be started at all.
    NotStarted {
        /// Why.
        message: String,
    },
    /// It has ended and everything of it is gone.
    Gone,
}

/// What the kubelet remembers.
#[derive(Debug, Default)]
pub(crate) struct Kubelet;

impl Kubelet {
    /// When it has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        None
    }
}

/// Makes the node and its lease, and takes up the pods that were there before.
pub(crate) fn bootstrap(_server: &mut Server) {}

/// Looks at what changed.
pub(crate) fn turn(_server: &mut Server) {}

/// Takes in what happened to a pod.
pub(crate) fn news(_server: &mut Server, _uid: &str, _news: PodNews) {}
