//! The client side of probes and hooks over the network: bytes in, bytes out, a verdict at the end.
//!
//! Who owns a [`Client`] asks [`poll_step`](Client::poll_step), does what it says, and reports back with
//! [`handle`](Client::handle), until the step is [`Done`](Step::Done). Answers come from guests, so whatever they send is
//! bounded, and can at worst fail the probe.
//!
//! The rules are those of `pkg/probe` of Kubernetes and the texts those of Go's standard library under it: they stand in
//! events, and people look for them. Two things differ: an answer's headers may have 64 KiB instead of 10 MiB, and where
//! Go's text depends on which of two goroutines is faster, it is always the same one here.

mod go;
mod grpc;
mod http;
mod tcp;
mod url;

#[cfg(test)]
mod tests;

pub use http::Exchange;

use crate::net;
use crate::pod::ProbeResult;
use crate::spec::{Container, HttpGet, TargetPort, TcpSocket};
use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// One run of a probe or hook over the network.
#[derive(Debug)]
pub struct Client(Kind);

#[derive(Debug)]
enum Kind {
    Http(Box<http::Http>),
    Tcp(tcp::Tcp),
    Grpc(Box<grpc::Check>),
}

/// Who asks. Servers see it in `User-Agent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A probe: the status of the answer decides.
    Probe,
    /// A hook: any answer will do. A server that speaks HTTP where HTTPS was asked for is asked again over HTTP, which ends
    /// with [`ProbeResult::Warning`].
    Lifecycle,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Connect, in place of the connection there is. Answered by `Connected` or `DialFailed`.
    Connect(Target),
    /// Send this. A failure shows when reading.
    Send(Bytes),
    /// Wait for bytes. Answered by `Received`, `Ended` or `ReadFailed`.
    Receive,
    /// Close the connection and let time pass. Answered by `Waited`.
    Wait(Duration),
    /// It is over.
    Done(ProbeResult),
}

/// Where to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// An address, or a name to look up.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether TLS comes before the first byte.
    pub secure: bool,
}

/// What has happened. What does not fit the last step is ignored, but for `TimedOut`, which fits always.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The connection is there.
    Connected,
    /// There is no connection.
    DialFailed(&'a DialError),
    /// Bytes have come.
    Received(&'a [u8]),
    /// The server sends no more.
    Ended,
    /// The connection has failed.
    ReadFailed(&'a ReadError),
    /// Time has passed.
    Waited,
    /// The timeout of the probe is over.
    TimedOut,
}

/// Why there is no connection, as Go words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// Nobody knows the name.
    #[error("dial tcp: lookup {0}: no such host")]
    UnknownHost(String),
    /// It could not be looked up for now.
    #[error("dial tcp: lookup {0}: server misbehaving")]
    LookupFailed(String),
    /// Refused, or no way there.
    #[error("dial tcp {0}: connect: {1}")]
    Connect(SocketAddr, net::Error),
    /// The server speaks HTTP where TLS was asked for.
    #[error("http: server gave HTTP response to HTTPS client")]
    PlainHttp,
    /// The handshake failed.
    #[error("{0}")]
    Tls(String),
}

/// A connection that has failed, as Go words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The connection itself.
    #[error("read tcp {local}->{remote}: read: {error}")]
    Socket {
        /// Our end.
        local: SocketAddr,
        /// The server's.
        remote: SocketAddr,
        /// What happened.
        error: net::Error,
    },
    /// What came is no TLS.
    #[error("{0}")]
    Tls(String),
}

/// A port that stands for none, as the kubelet words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Neither the name of a port of the container nor a number.
    #[error("strconv.Atoi: parsing {}: invalid syntax", go::quote(.0.as_bytes()))]
    Unknown(String),
    /// A number that no port has.
    #[error("invalid port number: {0}")]
    Invalid(String),
}

impl Client {
    /// An `httpGet` of this container, whose pod has this address.
    ///
    /// # Errors
    /// When its port stands for none.
    pub fn http_get(
        purpose: Purpose,
        get: &HttpGet,
        container: &Container,
        pod_ip: IpAddr,
    ) -> Result<Self, PortError> {
        let port = port(&get.port, container)?;
        let host = host(get.host.as_deref(), pod_ip);
        let url = url::Url::of_manifest(get.scheme, host, port, &get.path);
        Ok(Self(Kind::Http(Box::new(http::Http::new(
            purpose,
            url,
            &get.headers,
        )))))
    }

    /// A `tcpSocket` of this container, whose pod has this address.
    ///
    /// # Errors
    /// When its port stands for none.
    pub fn tcp_socket(
        socket: &TcpSocket,
        container: &Container,
        pod_ip: IpAddr,
    ) -> Result<Self, PortError> {
        let port = port(&socket.port, container)?;
        let host = host(socket.host.as_deref(), pod_ip);
        Ok(Self(Kind::Tcp(tcp::Tcp::new(host, port))))
    }

    /// A `grpc` probe of a container whose pod has this address.
    pub fn grpc(port: u16, service: &str, timeout: Duration, pod_ip: IpAddr) -> Self {
        let check = grpc::Check::new(pod_ip.to_string(), port, service, timeout);
        Self(Kind::Grpc(Box::new(check)))
    }

    /// What to do next. Asked again before an answer, it says the same, but for `Send`, which comes once.
    pub fn poll_step(&mut self) -> Step {
        match &mut self.0 {
            Kind::Http(http) => http.poll_step(),
            Kind::Tcp(tcp) => tcp.poll_step(),
            Kind::Grpc(check) => check.poll_step(),
        }
    }

    /// Takes what has happened.
    pub fn handle(&mut self, event: Event<'_>) {
        match &mut self.0 {
            Kind::Http(http) => http.handle(event),
            Kind::Tcp(tcp) => tcp.handle(event),
            Kind::Grpc(check) => check.handle(event),
        }
    }
}

fn host(written: Option<&str>, pod_ip: IpAddr) -> String {
    match written {
        Some(host) if !host.is_empty() => host.to_owned(),
        Some(_) | None => pod_ip.to_string(),
    }
}

fn port(port: &TargetPort, container: &Container) -> Result<u16, PortError> {
    container.port(port).ok_or_else(|| match port {
        TargetPort::Number(number) => PortError::Invalid(number.to_string()),
        TargetPort::Name(name) => match name.parse::<i64>() {
            Ok(number) => PortError::Invalid(number.to_string()),
            Err(_) => PortError::Unknown(name.clone()),
        },
    })
}

/// `host:port` as Go's `net.JoinHostPort` writes it.
fn join_host_port(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// `User-Agent` of the kubelet this project follows.
fn user_agent(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Probe => "kube-probe/1.36",
        Purpose::Lifecycle => "kube-lifecycle/1.36",
    }
}
