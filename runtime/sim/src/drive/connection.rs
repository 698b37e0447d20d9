//! Connections of steps to servers in pods.

use super::Stage;
use bytes::Bytes;
use seedpod_core::limits::TEST_OUTPUT_BYTES_MAX;
use seedpod_core::net::Stream;
use seedpod_core::spec::{Objects, TargetPort};
use seedpod_engine::PodHandle;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::task::{Poll, Waker};

/// A connection that is being made, or is there.
pub(super) struct Connection {
    stream: Option<Stream>,
    is_open: bool,
    all: Bytes,
    unsent: Bytes,
}

/// What has come.
pub(super) enum Received {
    /// Nothing yet, and why.
    Nothing(String),
    Bytes(Bytes),
    /// The other side sends no more.
    End,
    Failed(String),
}

impl Connection {
    /// One that sends `bytes` once it is there.
    pub(super) fn new(bytes: Bytes) -> Self {
        Self {
            stream: None,
            is_open: false,
            unsent: bytes.clone(),
            all: bytes,
        }
    }

    /// Whether everything is sent.
    pub(super) fn is_sent(&self) -> bool {
        self.is_open && self.unsent.is_empty()
    }

    /// Goes on as far as it can.
    pub(super) fn poll(&mut self, to: &str, stage: &Stage<'_>) -> Received {
        if let Err(why) = self.connect(to, stage) {
            return Received::Nothing(why);
        }
        let Some(stream) = &self.stream else {
            return Received::Nothing(format!("{to} is not connected"));
        };
        if !self.unsent.is_empty()
            && let Poll::Ready(Err(error)) = stream.poll_write(&mut self.unsent, Waker::noop())
        {
            return Received::Failed(format!("{to}: {error}"));
        }
        match stream.try_read(TEST_OUTPUT_BYTES_MAX) {
            None => Received::Nothing(format!("{to} has not answered")),
            Some(Ok(bytes)) if bytes.is_empty() => Received::End,
            Some(Ok(bytes)) => Received::Bytes(bytes),
            Some(Err(error)) => Received::Failed(format!("{to}: {error}")),
        }
    }

    fn connect(&mut self, to: &str, stage: &Stage<'_>) -> Result<(), String> {
        if self.is_open {
            return Ok(());
        }
        if self.stream.is_none() {
            let (pod, address) = resolve(to, stage)?;
            let from = match address.ip().is_loopback() {
                true => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
                false => (address.ip(), 0).into(),
            };
            let connected = pod.with(|kernel| kernel.net.connect_from(from, address));
            let stream = connected.map_err(|error| format!("{to}: {error}"))?;
            self.unsent = self.all.clone();
            self.stream = Some(stream);
        }
        let connected = self
            .stream
            .as_ref()
            .map_or(Poll::Pending, |stream| stream.poll_connected(Waker::noop()));
        match connected {
            Poll::Ready(Ok(())) => {
                self.is_open = true;
                Ok(())
            }
            Poll::Ready(Err(error)) => {
                self.stream = None;
                Err(format!("{to}: {error}"))
            }
            Poll::Pending => Err(format!("{to} has not accepted the connection")),
        }
    }
}

/// The pod and the address that `container:port`, `pod:port`, `service:port` or `address:port` stands for.
fn resolve(to: &str, stage: &Stage<'_>) -> Result<(PodHandle, SocketAddr), String> {
    let view = stage.properties.view();
    let first = || {
        let pods = view.pods(None);
        pods.into_iter()
            .next()
            .ok_or_else(|| "no pod has started".to_owned())
    };
    if let Ok(address) = to.parse::<SocketAddr>() {
        if address.ip().is_loopback() {
            return Ok((first()?, address));
        }
        let has =
            |pod: &PodHandle| pod.with(|kernel| IpAddr::V4(kernel.net.pod_ip())) == address.ip();
        let pod = view.pods(None).into_iter().find(has);
        return Ok((
            pod.ok_or_else(|| format!("no pod has the address {}", address.ip()))?,
            address,
        ));
    }
    let (name, port) = to.rsplit_once(':').unwrap_or((to, ""));
    let port: u16 = port.parse().map_err(|_| format!("{to} has no port"))?;
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if name == "localhost" {
        return Ok((first()?, loopback));
    }
    if let Ok((pod, _)) = view.pod_of(None, name) {
        return Ok((pod, loopback));
    }
    if let Some(pod) = view.pods(Some(name)).into_iter().next() {
        let ip = pod.with(|kernel| kernel.net.pod_ip());
        return Ok((pod, (ip, port).into()));
    }
    service(
        stage.simulation.catalog().snapshot().as_ref(),
        name,
        port,
        &view.pods(None),
    )
}

/// A pod behind a Service, and its port there.
fn service(
    objects: &Objects,
    name: &str,
    port: u16,
    pods: &[PodHandle],
) -> Result<(PodHandle, SocketAddr), String> {
    let service = objects
        .services
        .iter()
        .find(|service| service.meta.name == name);
    let service = service.ok_or_else(|| format!("nothing is called {name}"))?;
    let entry = service.ports.iter().find(|entry| entry.port == port);
    let entry = entry.ok_or_else(|| format!("Service {name} has no port {port}"))?;
    let is_behind = |pod: &&PodHandle| {
        let labels = &pod.spec().meta.labels;
        let mut selector = service.selector.iter();
        !service.selector.is_empty() && selector.all(|(key, value)| labels.get(key) == Some(value))
    };
    let pod = pods.iter().find(is_behind);
    let pod = pod.ok_or_else(|| format!("no pod is behind Service {name}"))?;
    let port = match &entry.target_port {
        TargetPort::Number(port) => Some(*port),
        named @ TargetPort::Name(_) => {
            let spec = pod.spec();
            spec.containers
                .iter()
                .find_map(|container| container.port(named))
        }
    };
    let port = port.ok_or_else(|| format!("no container has the port of Service {name}"))?;
    let ip = pod.with(|kernel| kernel.net.pod_ip());
    Ok((pod.clone(), (ip, port).into()))
}
