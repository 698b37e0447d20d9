//! Exec, attach, logs and port forwarding: what is asked for, and the protocols it is carried in, as state machines
//! without input and output of their own.

/// Something of a pod that the world opens for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// `metadata.uid` of the pod.
    pub uid: String,
    /// What is asked for.
    pub kind: StreamKind,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// The log of a container.
    Log {
        /// Name of the container.
        container: String,
    },
}
