//! Ports of the machine that lead into pods: `hostPort`, `nodePort` and `--publish`. Nothing else listens.

use crate::connection::Connection;
use crate::egress::DATAGRAM_BYTES_MAX;
use bytes::Bytes;
use seedpod_core::limits::{PUBLISH_DATAGRAM_IDLE, PUBLISH_DATAGRAM_PEERS};
use seedpod_core::net::{Fabric, Mailbox, NODE_IP};
use seedpod_core::spec::{self, Protocol, ServiceType};
use seedpod_engine::PodHandle;
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// A port of the machine for a port of a pod: `[IP:]HOST:PORT[/udp][@POD]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Address on the machine; 127.0.0.1 when left out, so that only this machine connects.
    pub ip: IpAddr,
    /// Port on the machine; 0 takes a free one.
    pub host_port: u16,
    /// Port of the pod.
    pub port: u16,
    /// TCP unless `/udp` follows the port.
    pub protocol: Protocol,
    /// Name of the pod; may be left out where only one pod can be meant.
    pub pod: Option<String>,
}

/// A text that is no `[IP:]HOST:PORT[/udp][@POD]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected [IP:]HOST:PORT[/udp][@POD], such as 8080:80 or 0.0.0.0:8080:80@web, but {0}")]
pub struct PublishParseError(String);

impl FromStr for Publish {
    type Err = PublishParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (ports, pod) = match text.split_once('@') {
            Some((_, "")) => return Err(PublishParseError("the name after @ is empty".to_owned())),
            Some((ports, pod)) => (ports, Some(pod.to_owned())),
            None => (text, None),
        };
        let (ports, protocol) = match ports.split_once('/') {
            None => (ports, Protocol::Tcp),
            Some((ports, word)) if word.eq_ignore_ascii_case("tcp") => (ports, Protocol::Tcp),
            Some((ports, word)) if word.eq_ignore_ascii_case("udp") => (ports, Protocol::Udp),
            Some((_, word)) => {
                return Err(PublishParseError(format!(
                    "{word:?} is neither tcp nor udp"
                )));
            }
        };
        let Some((host, port)) = ports.rsplit_once(':') else {
            return Err(PublishParseError("there is no colon".to_owned()));
        };
        let (ip, host) = match host.rsplit_once(':') {
            None => (Ipv4Addr::LOCALHOST.into(), host),
            Some((ip, host)) => (parse_ip(ip)?, host),
        };
        let port = match parse_port(port)? {
            0 => return Err(PublishParseError("no pod listens on port 0".to_owned())),
            port => port,
        };
        Ok(Self {
            ip,
            host_port: parse_port(host)?,
            port,
            protocol,
            pod,
        })
    }
}

fn parse_ip(text: &str) -> Result<IpAddr, PublishParseError> {
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse()
        .map_err(|_| PublishParseError(format!("{text:?} is no IP address")))
}

fn parse_port(text: &str) -> Result<u16, PublishParseError> {
    text.parse()
        .map_err(|_| PublishParseError(format!("{text:?} is no port")))
}

/// A port of the machine that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Address and port on the machine.
    pub address: SocketAddr,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Where it leads: `pod mc3 port 80`.
    pub target: String,
}

impl fmt::Display for Published {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            Protocol::Tcp => "",
            Protocol::Udp => "/udp",
        };
        write!(f, "{}{protocol} -> {}", self.address, self.target)
    }
}

/// Why a port of the machine cannot lead to a pod.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The operating system refuses the port.
    #[error("{rule}: cannot listen on {address}: {error}")]
    Bind {
        /// Who asks for it: a flag, or a field of an object.
        rule: String,
        /// On the machine.
        address: SocketAddr,
        /// The operating system's reason.
        error: io::Error,
    },
    /// No pod has this name.
    #[error("--publish …@{0}: there is no pod of this name; there is {1}")]
    NoSuchPod(String, String),
    /// No name was given and more than one pod could be meant.
    #[error(
        "--publish {host_port}:{port}: which pod? write {host_port}:{port}@POD with POD one of {pods}"
    )]
    Ambiguous {
        /// On the machine.
        host_port: u16,
        /// Of the pod.
        port: u16,
        /// Their names.
        pods: String,
    },
    /// Every port from 30000 to 32767 is taken.
    #[error("service {0}: no free node port")]
    NodePortsExhausted(String),
}

/// A port that is open, before anyone answers on it.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) published: Published,
    pub(crate) target: Target,
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

/// Where an open port leads.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// A port of a pod: its position among the pods of a start.
    Pod(usize, u16),
    /// A port of a Service: its position among the Services of a start.
    Service(usize, u16),
}

/// Opens all ports that the objects and the command line ask for, or none.
pub(crate) fn bind(objects: &spec::Objects, flags: &[Publish]) -> Result<Vec<Bound>, PublishError> {
    let mut bound = Vec::new();
    for (index, pod) in objects.pods.iter().enumerate() {
        for container in pod.all_containers() {
            for port in container
                .ports
                .iter()
                .filter(|port| port.host_port.is_some())
            {
                bound.push(bind_host_port(index, pod, container, port)?);
            }
        }
    }
    for (index, service) in objects.services.iter().enumerate() {
        if service.kind != ServiceType::ClusterIp {
            for port in &service.ports {
                bound.push(bind_node_port(index, service, port)?);
            }
        }
    }
    for flag in flags {
        bound.push(bind_flag(objects, flag)?);
    }
    Ok(bound)
}

fn bind_host_port(
    index: usize,
    pod: &spec::Pod,
    container: &spec::Container,
    port: &spec::ContainerPort,
) -> Result<Bound, PublishError> {
    let host_port = port.host_port.unwrap_or_default();
    let rule = format!(
        "pod {}, container {}, hostPort {host_port}",
        pod.meta.name, container.name
    );
    let address = (
        port.host_ip.unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
        host_port,
    )
        .into();
    let target = format!("pod {} port {}", pod.meta.name, port.container_port);
    Bound::new(
        rule,
        address,
        port.protocol,
        target,
        Target::Pod(index, port.container_port),
    )
}

fn bind_node_port(
    index: usize,
    service: &spec::Service,
    port: &spec::ServicePort,
) -> Result<Bound, PublishError> {
    let name = &service.meta.name;
    let open = |node_port: u16| {
        let rule = format!("service {name}, nodePort {node_port}");
        let address = (Ipv4Addr::UNSPECIFIED, node_port).into();
        let target = format!("service {name} port {}", port.port);
        Bound::new(
            rule,
            address,
            port.protocol,
            target,
            Target::Service(index, port.port),
        )
    };
    match port.node_port {
        Some(node_port) => open(node_port),
        None => NODE_PORTS
            .into_iter()
            .find_map(|node_port| open(node_port).ok())
            .ok_or_else(|| PublishError::NodePortsExhausted(name.clone())),
    }
}

/// Kubernetes' default `--service-node-port-range`.
const NODE_PORTS: std::ops::RangeInclusive<u16> = 30_000..=32_767;

fn bind_flag(objects: &spec::Objects, flag: &Publish) -> Result<Bound, PublishError> {
    let index = choose_pod(objects, flag)?;
    let pod = &objects.pods[index].meta.name;
    let rule = format!("--publish {}:{}", flag.host_port, flag.port);
    let target = format!("pod {pod} port {}", flag.port);
    let address = SocketAddr::new(flag.ip, flag.host_port);
    Bound::new(
        rule,
        address,
        flag.protocol,
        target,
        Target::Pod(index, flag.port),
    )
}

/// The named pod; else the only one; else the only one that declares the port.
fn choose_pod(objects: &spec::Objects, flag: &Publish) -> Result<usize, PublishError> {
    let names = |indexes: &[usize]| {
        let names: Vec<&str> = indexes
            .iter()
            .map(|index| objects.pods[*index].meta.name.as_str())
            .collect();
        names.join(", ")
    };
    let all: Vec<usize> = (0..objects.pods.len()).collect();
    if let Some(name) = &flag.pod {
        let found = objects.pods.iter().position(|pod| pod.meta.name == *name);
        return found.ok_or_else(|| PublishError::NoSuchPod(name.clone(), names(&all)));
    }
    let declares = |index: &&usize| {
        let mut ports = objects.pods[**index]
            .all_containers()
            .flat_map(|container| &container.ports);
        ports.any(|port| port.container_port == flag.port && port.protocol == flag.protocol)
    };
    let declaring: Vec<usize> = all.iter().filter(declares).copied().collect();
    match (&all[..], &declaring[..]) {
        ([only], _) | (_, [only]) => Ok(*only),
        (_, candidates) => {
            let pods = names(if candidates.is_empty() {
                &all
            } else {
                candidates
            });
            Err(PublishError::Ambiguous {
                host_port: flag.host_port,
                port: flag.port,
                pods,
            })
        }
    }
}

impl Bound {
    fn new(
        rule: String,
        address: SocketAddr,
        protocol: Protocol,
        target_name: String,
        target: Target,
    ) -> Result<Self, PublishError> {
        let open = || -> io::Result<(Socket, SocketAddr)> {
            match protocol {
                Protocol::Tcp => {
                    let listener = TcpListener::bind(address)?;
                    listener.set_nonblocking(true)?;
                    let local = listener.local_addr()?;
                    Ok((Socket::Tcp(listener), local))
                }
                Protocol::Udp => {
                    let socket = UdpSocket::bind(address)?;
                    socket.set_nonblocking(true)?;
                    let local = socket.local_addr()?;
                    Ok((Socket::Udp(socket), local))
                }
            }
        };
        match open() {
            Ok((socket, address)) => Ok(Self {
                published: Published {
                    address,
                    protocol,
                    target: target_name,
                },
                target,
                socket,
            }),
            Err(error) => Err(PublishError::Bind {
                rule,
                address,
                error,
            }),
        }
    }

    /// Leads whoever comes to `to`, an address of the pod network, for as long as the future is polled. Datagrams go to
    /// the first of `pods`.
    pub(crate) async fn serve(
        self,
        fabric: Fabric,
        to: SocketAddr,
        pods: Vec<PodHandle>,
    ) -> io::Result<()> {
        match self.socket {
            Socket::Tcp(listener) => {
                serve_tcp(tokio::net::TcpListener::from_std(listener)?, &fabric, || to).await
            }
            Socket::Udp(socket) => match pods.into_iter().next() {
                Some(pod) => {
                    let to = (pod.with(|kernel| kernel.net.pod_ip()), to.port()).into();
                    let choose = || Some((pod.clone(), to));
                    serve_udp(tokio::net::UdpSocket::from_std(socket)?, choose).await
                }
                None => Ok(()),
            },
        }
    }
}

/// How long to let connections wait when there are too many open files.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// Leads connections to where `to` says at that moment, for as long as the future is polled.
pub(crate) async fn serve_tcp(
    listener: tokio::net::TcpListener,
    fabric: &Fabric,
    to: impl Fn() -> SocketAddr,
) -> io::Result<()> {
    loop {
        let (outside, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            // The client is gone, or there are too many open files for the moment.
            Err(error) => {
                tracing::debug!(%error, "cannot accept");
                sleep(ACCEPT_AGAIN_AFTER).await;
                continue;
            }
        };
        // A guest sees the node, as behind kube-proxy's masquerade: the machine's 127.0.0.1 must not look like the pod's.
        let stream = fabric.connect_from((NODE_IP, from.port()).into(), to());
        tokio::spawn(async move {
            let connected = match stream {
                Ok(stream) => Connection::established(stream).await,
                Err(error) => Err(crate::connection::io_error(error)),
            };
            match connected {
                Ok(inside) => inside.join(outside).await,
                // As a client sees it when nobody listens behind docker-proxy: connected, then reset.
                Err(_) => drop(outside.set_zero_linger()),
            }
        });
    }
}

/// The clients of a published UDP port.
type Peers = Arc<Mutex<BTreeMap<SocketAddr, Peer>>>;

#[derive(Clone)]
struct Peer {
    /// The address behind which guests see it.
    seen_as: SocketAddr,
    pod: PodHandle,
    to: SocketAddr,
}

/// Leads datagrams of each new client to the pod and address that `choose` says, for as long as the future is polled.
pub(crate) async fn serve_udp(
    socket: tokio::net::UdpSocket,
    choose: impl Fn() -> Option<(PodHandle, SocketAddr)>,
) -> io::Result<()> {
    let socket = Arc::new(socket);
    let peers = Peers::default();
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        let (len, from) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            // An earlier answer met a closed port; Windows reports that here.
            Err(error) => {
                tracing::debug!(%error, "cannot receive");
                tokio::task::yield_now().await;
                continue;
            }
        };
        let known = lock(&peers).get(&from).cloned();
        let add = || {
            let (pod, to) = choose()?;
            add_peer(&socket, pod, to, from, &peers)
        };
        let Some(Peer { seen_as, pod, to }) = known.or_else(add) else {
            continue;
        };
        let data = Bytes::copy_from_slice(&buffer[..len]);
        // A datagram to a port where nobody listens is lost, as on any network.
        let _ = pod.with(|kernel| kernel.net.send_from(seen_as, to, data));
    }
}

/// Remembers a client and begins to send it what guests answer. `None` when there are too many.
fn add_peer(
    socket: &Arc<tokio::net::UdpSocket>,
    pod: PodHandle,
    to: SocketAddr,
    client: SocketAddr,
    peers: &Peers,
) -> Option<Peer> {
    if lock(peers).len() >= PUBLISH_DATAGRAM_PEERS {
        return None;
    }
    let number = PEERS_SEEN.fetch_add(1, Ordering::Relaxed) % MASQUERADE_PORTS.len();
    let port = MASQUERADE_PORTS.clone().nth(number)?;
    let seen_as = SocketAddr::from((NODE_IP, port));
    let mailbox = pod.with(|kernel| kernel.net.open_outside(seen_as)).ok()?;
    let peer = Peer { seen_as, pod, to };
    lock(peers).insert(client, peer.clone());
    let (socket, pod, peers) = (socket.clone(), peer.pod.clone(), peers.clone());
    tokio::spawn(async move {
        answer(&socket, client, &mailbox).await;
        pod.with(|kernel| kernel.net.close_outside(seen_as));
        lock(&peers).remove(&client);
    });
    Some(peer)
}

/// Ports of the node behind which guests see clients, one after the other: Linux' ephemeral range.
const MASQUERADE_PORTS: std::ops::Range<u16> = 32_768..61_000;
static PEERS_SEEN: AtomicUsize = AtomicUsize::new(0);

fn lock(peers: &Peers) -> MutexGuard<'_, BTreeMap<SocketAddr, Peer>> {
    peers.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(socket: &tokio::net::UdpSocket, peer: SocketAddr, mailbox: &Mailbox) {
    let receive = || poll_fn(|cx| mailbox.poll_receive(cx.waker()));
    while let Ok(Ok(datagram)) = timeout(PUBLISH_DATAGRAM_IDLE, receive()).await {
        if let Err(error) = socket.send_to(&datagram.data, peer).await {
            tracing::debug!(%peer, %error, "a datagram was lost");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(text: &str, expected: &Expect) {
        let found = match text.parse::<Publish>() {
            Ok(Publish {
                ip,
                host_port,
                port,
                protocol,
                pod,
            }) => {
                format!(
                    "{ip} {host_port} -> {port} {protocol:?} {}",
                    pod.unwrap_or_default()
                )
            }
            Err(error) => error.to_string(),
        };
        expected.assert_eq(&found);
    }

    #[test]
    fn rules() {
        check("8080:80", &expect!["127.0.0.1 8080 -> 80 Tcp "]);
        check(
            "0.0.0.0:8080:80@web",
            &expect!["0.0.0.0 8080 -> 80 Tcp web"],
        );
        check("[::1]:53:5353/udp", &expect!["::1 53 -> 5353 Udp "]);
        check("0:80", &expect!["127.0.0.1 0 -> 80 Tcp "]);
    }

    #[test]
    fn what_is_no_rule() {
        let usage =
            "expected [IP:]HOST:PORT[/udp][@POD], such as 8080:80 or 0.0.0.0:8080:80@web, but ";
        for (text, reason) in [
            ("80", "there is no colon"),
            ("80:", "\"\" is no port"),
            ("80:99999", "\"99999\" is no port"),
            ("80:0", "no pod listens on port 0"),
            ("localhost:80:80", "\"localhost\" is no IP address"),
            ("80:80/sctp", "\"sctp\" is neither tcp nor udp"),
            ("80:80@", "the name after @ is empty"),
        ] {
            assert_eq!(
                text.parse::<Publish>().unwrap_err().to_string(),
                format!("{usage}{reason}")
            );
        }
    }

    #[test]
    fn a_flag_without_a_name_means_the_pod_that_declares_the_port() {
        let pod = |name: &str, port: u16| spec::Pod {
            meta: spec::Meta {
                name: name.to_owned(),
                ..spec::Meta::default()
            },
            containers: vec![spec::Container {
                ports: vec![spec::ContainerPort {
                    name: None,
                    container_port: port,
                    host_port: None,
                    host_ip: None,
                    protocol: Protocol::Tcp,
                }],
                ..spec::Container::default()
            }],
            ..spec::Pod::default()
        };
        let objects = spec::Objects {
            pods: vec![pod("a", 80), pod("b", 81), pod("c", 80)],
            ..spec::Objects::default()
        };
        let choose = |text: &str| {
            choose_pod(&objects, &text.parse().unwrap()).map_err(|error| error.to_string())
        };
        assert_eq!(choose("1:81"), Ok(1));
        assert_eq!(choose("1:80@c"), Ok(2));
        assert_eq!(
            choose("1:80"),
            Err("--publish 1:80: which pod? write 1:80@POD with POD one of a, c".to_owned())
        );
        assert_eq!(
            choose("1:9").unwrap_err(),
            "--publish 1:9: which pod? write 1:9@POD with POD one of a, b, c"
        );
        assert_eq!(
            choose("1:9@x").unwrap_err(),
            "--publish …@x: there is no pod of this name; there is a, b, c"
        );
    }
}
