//! A Kubernetes API server over a [`Node`]: kubectl, unmodified, against this process.
//!
//! Everything a request means is in [`seedpod_api::server`], without input and output; here is what it takes to serve it:
//! `listen` has the connections, `tls` and `token` who may, `limit` how much at a time, `answer` the way of one request,
//! `state` the one server behind a lock, `store` its disk.

mod answer;
mod body;
mod files;
mod key;
mod kubeconfig;
mod limit;
mod listen;
mod machine;
mod pods;
mod ports;
mod state;
mod store;
mod streams;
mod tls;
mod token;

pub use files::FileError;
pub use store::StoreError;
pub use tls::TlsError;

use crate::node::{Node, NodeBuilder, NodeError};
use crate::world::fill_random;
use key::Key;
use limit::Limits;
use seedpod_api::server::{Server, Settings};
use seedpod_core::net::NODE_IP;
use seedpod_core::seed::Seed;
use state::State;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Disk;
use tls::Authority;
use token::Token;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_rustls::TlsAcceptor;

/// As upstream's.
pub const PORT: u16 = 6443;
/// Where the port of the last run is noted.
const PORT_FILE: &str = "port";
/// Where logs of containers are.
const LOGS: &str = "logs";
/// Signs tokens of ServiceAccounts, as kubeadm calls it.
const TOKEN_KEY: &str = "sa.key";
/// Of pods that run.
const VOLUMES: &str = "run";
/// The address of the Service `kubernetes`.
const API_IP: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
/// Names of the server besides its addresses, as kubeadm has them.
const NAMES: [&str; 5] = [
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// A Kubernetes API server that runs in this process.
pub struct ApiServer {
    context: Arc<Context>,
    address: SocketAddr,
    kubeconfig: PathBuf,
    listening: JoinHandle<()>,
    for_pods: AbortHandle,
    turning: AbortHandle,
}

/// What all connections share.
struct Context {
    state: Arc<State>,
    token: Token,
    limits: Limits,
    log_requests: bool,
}

/// How an [`ApiServer`] is set up.
pub struct ApiServerBuilder {
    folder: PathBuf,
    ip: IpAddr,
    port: Option<u16>,
    names: Vec<String>,
    log_requests: bool,
    node: NodeBuilder,
}

/// Why there is no API server.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The node cannot be set up.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A file of the state folder cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Objects cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The port is taken, or the address is not of this machine.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
}

impl ApiServerBuilder {
    /// Listens there instead of on 127.0.0.1. Whoever reaches the address and has the token is the master of this server,
    /// whose pods can read what this user can read.
    pub fn ip(mut self, ip: IpAddr) -> Self {
        self.ip = ip;
        self
    }

    /// Listens on this port, or on any for 0. By default it is that of the last run, or [`PORT`], or any that is free.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Further addresses and names that clients know the server by.
    pub fn names(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.names.extend(names);
        self
    }

    /// Logs each request: method, path, agent, status and duration.
    pub fn log_requests(mut self, log_requests: bool) -> Self {
        self.log_requests = log_requests;
        self
    }

    /// How the node is set up whose pods are served. Its volumes are in the state folder.
    pub fn node(mut self, node: NodeBuilder) -> Self {
        self.node = node;
        self
    }

    /// Starts the server on the tokio runtime that this is called on. It answers when this returns.
    ///
    /// # Errors
    /// When the state folder is in use or cannot be used, or the port is taken.
    pub async fn start(self) -> Result<ApiServer, ServeError> {
        files::create_folder(&self.folder)?;
        let (store, disk) = Disk::open(&self.folder)?;
        let listener = self.listen().await?;
        let local = |error| ServeError::Listen(SocketAddr::new(self.ip, 0), error);
        let address = listener.local_addr().map_err(local)?;
        files::write_private(
            &self.folder.join(PORT_FILE),
            address.port().to_string().as_bytes(),
        )?;
        let volumes = self.folder.join(VOLUMES);
        files::create_folder(&volumes)?;
        let logs = self.folder.join(LOGS);
        let node = self.node.run_folder(volumes).log_folder(logs).build()?;
        let now = node.time();
        let authority = Authority::open(&self.folder, now.wall)?;
        let token = Token::open(&self.folder)?;
        let names = names(self.ip, &self.names);
        let tls = TlsAcceptor::from(authority.server(&names, now.wall)?);
        let public = SocketAddr::new(reachable(self.ip), address.port());
        let kubeconfig =
            kubeconfig::write(&self.folder, public, authority.certificate(), token.text())?;
        let inside = node.fabric().listen_on_node(address.port());
        let inside = inside.map_err(|error| {
            let address = SocketAddr::new(NODE_IP.into(), address.port());
            ServeError::Listen(address, crate::connection::io_error(error))
        })?;
        let settings = settings(&node, &self.folder, &authority, address.port())?;
        let server = Server::new(settings, store, seed(), now);
        if let Some(logs) = node.logs() {
            let pods = server.pod_uids();
            let kept = logs.retain(|uid| pods.contains(uid));
            kept.map_err(|error| FileError::Io(self.folder.join(LOGS), error))?;
        }
        let context = Arc::new(Context {
            state: State::new(server, disk, node, self.ip),
            token,
            limits: Limits::new(),
            log_requests: self.log_requests,
        });
        // What the server made of its store at the start goes to the disk too.
        context.state.with(|_, _| ());
        let state = context.state.clone();
        let turning = tokio::spawn(async move { state.turn_when_due().await }).abort_handle();
        let for_pods = listen::serve_pods(context.clone(), inside, tls.clone());
        let for_pods = tokio::spawn(for_pods).abort_handle();
        let listening = tokio::spawn(listen::serve(context.clone(), listener, tls));
        Ok(ApiServer {
            context,
            address,
            kubeconfig,
            listening,
            for_pods,
            turning,
        })
    }

    async fn listen(&self) -> Result<TcpListener, ServeError> {
        let last = std::fs::read_to_string(self.folder.join(PORT_FILE)).ok();
        let last = last.and_then(|text| text.trim().parse().ok());
        let ports = match self.port {
            Some(port) => vec![port],
            None => [last, Some(PORT), Some(0)].into_iter().flatten().collect(),
        };
        let mut failed = None;
        for port in ports {
            let address = SocketAddr::new(self.ip, port);
            match TcpListener::bind(address).await {
                Ok(listener) => return Ok(listener),
                Err(error) => failed = failed.or(Some(ServeError::Listen(address, error))),
            }
        }
        let nothing =
            || ServeError::Listen(SocketAddr::new(self.ip, 0), io::ErrorKind::Other.into());
        Err(failed.unwrap_or_else(nothing))
    }
}

impl ApiServer {
    /// Sets up a server whose objects, keys and kubeconfig are in a folder. One server at a time can use it.
    pub fn builder(state_folder: impl Into<PathBuf>) -> ApiServerBuilder {
        ApiServerBuilder {
            folder: state_folder.into(),
            ip: Ipv4Addr::LOCALHOST.into(),
            port: None,
            names: Vec::new(),
            log_requests: false,
            node: Node::builder(),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The file that makes kubectl find it and shows who asks.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Waits until the server cannot go on, because objects cannot be kept.
    pub async fn failed(&self) -> StoreError {
        let mut progress = self.context.state.disk.progress();
        let failed = progress
            .wait_for(|progress| progress.failed.is_some())
            .await;
        match failed.ok().and_then(|progress| progress.failed.clone()) {
            Some(error) => error,
            // The sender is ours.
            None => std::future::pending().await,
        }
    }

    /// Ends the server: no further requests, watches and pods end, and what has changed is on the disk. Of the pods the disk
    /// says that they run: they start again with the next server on this folder.
    pub async fn shutdown(self) {
        self.context.state.close();
        if let Err(error) = self.listening.await {
            tracing::error!(%error, "a task panicked");
        }
        self.for_pods.abort();
        self.turning.abort();
        self.context.state.end_pods().await;
        let revision = self.context.state.with(|_, _| ()).1;
        if let Err(error) = self.context.state.written(revision).await {
            tracing::error!("{error}");
        }
    }
}

/// Everything that clients may know the server by.
fn names(ip: IpAddr, more: &[String]) -> Vec<String> {
    let mut names: Vec<String> = NAMES.map(str::to_owned).to_vec();
    let own = [Ipv4Addr::LOCALHOST, NODE_IP, API_IP].map(IpAddr::from);
    let addresses = own.into_iter().chain([ip]);
    names.extend(
        addresses
            .filter(|ip| !ip.is_unspecified())
            .map(|ip| ip.to_string()),
    );
    names.extend(more.iter().cloned());
    names.sort();
    names.dedup();
    names
}

/// The address that a client on this machine connects to.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip.is_unspecified() {
        true => Ipv4Addr::LOCALHOST.into(),
        false => ip,
    }
}

fn settings(
    node: &Node,
    folder: &Path,
    authority: &Authority,
    port: u16,
) -> Result<Settings, ServeError> {
    let path = folder.join(TOKEN_KEY);
    let signer = match Key::read(&path)? {
        Some(key) => key,
        None => Key::create(&path)?,
    };
    let (operating_system, architecture) = machine::platform();
    Ok(Settings {
        node_name: node.name().to_owned(),
        node_ip: NODE_IP.into(),
        cpus: machine::cpus(),
        memory_bytes: machine::memory_bytes(),
        storage_bytes: machine::storage_bytes(folder),
        operating_system,
        architecture,
        api_port: port,
        ca_certificate: authority.certificate().to_owned(),
        signer: Arc::new(signer),
    })
}

fn seed() -> Seed {
    let mut bytes = [0; 8];
    fill_random(&mut bytes);
    Seed::new(u64::from_le_bytes(bytes))
}
