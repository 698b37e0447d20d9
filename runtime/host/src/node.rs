//! A node: what runs pods in this process.

mod start;

use crate::connection::{Connection, io_error};
use crate::folders::RunFolder;
use crate::images::{Images, ImagesError};
use crate::logs::LogFolder;
use crate::pod::Pod;
use crate::publish::{self, Publish, PublishError, Published};
use crate::static_pods::{StaticPods, StaticPodsError};
use crate::world::{HostWorld, Observer, fill_random};
use seedpod_api::server::Now;
use seedpod_api::{ManifestError, Source};
use seedpod_core::net::{Egress, Fabric, FabricError, NODE_IP};
use seedpod_core::seed::{Seed, uuid};
use seedpod_core::spec;
use seedpod_core::time::{Instant, WallTime};
use seedpod_engine::world::{Output, PodName, World};
use seedpod_engine::{Catalog, CatalogError, Engine, EngineError, EngineSettings};
use seedpod_sim::report::pcap::{Capture, CaptureError};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Runs pods in this process. They share one virtual network and one cache of compiled code. Cheap to clone.
#[derive(Clone)]
pub struct Node {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    world: Arc<HostWorld>,
    catalog: Arc<Catalog>,
    egress: Egress,
    capture: Option<Arc<Capture>>,
    logs: Option<LogFolder>,
}

/// How a [`Node`] is set up. By default it touches neither the disk nor the network of the machine.
#[derive(Default)]
pub struct NodeBuilder {
    cache: Option<PathBuf>,
    run: Option<PathBuf>,
    logs: Option<PathBuf>,
    images: PathBuf,
    egress: Egress,
    observer: Option<Observer>,
    pool: Option<u32>,
    capture: Option<Box<dyn io::Write + Send>>,
}

/// Why a node could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Not called from within a tokio runtime.
    #[error("a node needs a tokio runtime: {0}")]
    NoRuntime(#[from] tokio::runtime::TryCurrentError),
    /// wasmtime does not work here.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The folder for volumes cannot be used.
    #[error("cannot use the folder {0} for volumes: {1}")]
    RunFolder(PathBuf, io::Error),
    /// The folder for logs cannot be used.
    #[error("cannot use the folder {0} for logs: {1}")]
    LogFolder(PathBuf, io::Error),
    /// Packets cannot be written.
    #[error(transparent)]
    Capture(#[from] CaptureError),
}

/// Why pods could not be started. None of them has.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The manifest is wrong: everything that is.
    #[error("{}", crate::images::lines(.0))]
    Manifest(Vec<ManifestError>),
    /// There are images that cannot run.
    #[error(transparent)]
    Images(#[from] ImagesError),
    /// A pod of this name runs already.
    #[error("pod {0} is already there")]
    PodExists(String),
    /// A port of the machine cannot be opened.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The pod network has no room for a pod.
    #[error("pod {0}: {1}")]
    Network(String, FabricError),
    /// There is no place for a Service, ConfigMap or Secret.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// Pods that were started together.
#[derive(Debug)]
pub struct Started {
    /// In the order of the manifest.
    pub pods: Vec<Pod>,
    /// Ports of the machine that lead to them, until they have ended.
    pub published: Vec<Published>,
}

impl NodeBuilder {
    /// Keeps compiled code in this folder, so that the next start of a program is fast.
    pub fn cache_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Some(folder.into());
        self
    }

    /// Keeps volumes of the kind `emptyDir: {}` in this folder while their pods run; in memory otherwise. What a process
    /// that crashed left there is removed.
    pub fn run_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.run = Some(folder.into());
        self
    }

    /// Keeps the logs of containers in this folder, until [`Node::forget_logs`]; otherwise the end of them is in memory, and
    /// only what is in memory can be read through [`Pod`].
    pub fn log_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.logs = Some(folder.into());
        self
    }

    /// Where images that are relative paths begin; the current folder by default.
    pub fn image_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.images = folder.into();
        self
    }

    /// What guests may reach outside of the pod network.
    pub fn egress(mut self, egress: Egress) -> Self {
        self.egress = egress;
        self
    }

    /// Calls `observer` with everything any pod says.
    pub fn observer(
        mut self,
        observer: impl Fn(&PodName, &Output) + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Reserves room for this many processes in a pool, where the address space allows it: starts become faster, and
    /// no more than these can run. Worth it for a node that starts containers all the time.
    pub fn pool(mut self, processes: u32) -> Self {
        self.pool = Some(processes);
        self
    }

    /// Writes what passes the network of the pods as packets, for Wireshark. What is buffered is written by
    /// [`Node::flush_capture`].
    pub fn capture(mut self, output: impl io::Write + Send + 'static) -> Self {
        self.capture = Some(Box::new(output));
        self
    }

    /// Sets the node up. Its pods run on the tokio runtime this is called on.
    ///
    /// # Errors
    /// When there is no runtime, wasmtime does not work here, the folder for volumes cannot be used or packets cannot be
    /// written.
    pub fn build(self) -> Result<Node, NodeError> {
        let runtime = Handle::try_current()?;
        let run_folder = match self.run {
            Some(folder) => Some(
                RunFolder::open(&folder).map_err(|error| NodeError::RunFolder(folder, error))?,
            ),
            None => None,
        };
        let settings = EngineSettings {
            pool: self.pool,
            ..EngineSettings::host(self.cache)
        };
        let engine = Engine::new(settings)?;
        Images::register(&engine);
        let images = Images::new(self.images);
        let world = Arc::new(HostWorld::new(images, runtime, run_folder, self.observer));
        let fabric = Fabric::default();
        let capture = match self.capture {
            Some(output) => Some(start_capture(output, &world, &fabric)?),
            None => None,
        };
        let catalog = Arc::new(Catalog::new(fabric));
        let egress = self.egress;
        let logs = match self.logs {
            Some(folder) => Some(
                LogFolder::open(folder.clone())
                    .map_err(|error| NodeError::LogFolder(folder, error))?,
            ),
            None => None,
        };
        Ok(Node {
            inner: Arc::new(Inner {
                engine,
                world,
                catalog,
                egress,
                capture,
                logs,
            }),
        })
    }
}

fn start_capture(
    output: Box<dyn io::Write + Send>,
    world: &Arc<HostWorld>,
    fabric: &Fabric,
) -> Result<Arc<Capture>, CaptureError> {
    let world = world.clone();
    let clock = Box::new(move || world.epoch().at(world.now()));
    let capture = Arc::new(Capture::new(output, clock)?);
    fabric.set_tap(capture.clone());
    Ok(capture)
}

impl Node {
    /// Whether programs are still being compiled for the next start.
    pub fn is_optimizing(&self) -> bool {
        self.inner.engine.is_optimizing()
    }

    /// Writes the packets that are still in a buffer; nothing without [`NodeBuilder::capture`].
    ///
    /// # Errors
    /// The first error of all; nothing was written after it.
    pub fn flush_capture(&self) -> Result<(), CaptureError> {
        let capture = self.inner.capture.as_ref();
        capture.map_or(Ok(()), |capture| capture.flush())
    }

    /// Connects to a pod or a Service, as from the machine.
    pub(crate) async fn connect(&self, to: SocketAddr) -> io::Result<Connection> {
        let from = (NODE_IP, 0).into();
        let stream = self.inner.catalog.fabric().connect_from(from, to);
        Connection::established(stream.map_err(io_error)?).await
    }

    /// Where logs are kept, with [`NodeBuilder::log_folder`].
    pub(crate) fn logs(&self) -> Option<&LogFolder> {
        self.inner.logs.as_ref()
    }

    /// Removes the logs of a pod that has ended, by its uid; nothing without [`NodeBuilder::log_folder`].
    pub fn forget_logs(&self, uid: &str) {
        if let Some(logs) = self.logs() {
            logs.forget(uid);
        }
    }

    /// Sets up a node.
    pub fn builder() -> NodeBuilder {
        NodeBuilder::default()
    }

    /// Starts every pod of a manifest: YAML or JSON, one or several documents.
    ///
    /// # Errors
    /// When anything in it is wrong; then nothing has started.
    pub fn run(&self, manifest: &str) -> Result<Started, StartError> {
        self.start(&load(manifest)?, &[])
    }

    /// Starts pods that have been loaded, with further ports of the machine open to them.
    ///
    /// # Errors
    /// When an image cannot run or a port cannot be opened; then nothing has started.
    pub fn start(
        &self,
        objects: &spec::Objects,
        publish: &[Publish],
    ) -> Result<Started, StartError> {
        self.inner.world.images.check(objects)?;
        let bound = publish::bind(objects, publish)?;
        let catalog = &self.inner.catalog;
        let applied = catalog.apply(objects)?;
        let pods = self
            .prepare(objects, None, uid)
            .inspect_err(|_| catalog.withdraw(&applied))?;
        let published = bound.iter().map(|bound| bound.published.clone()).collect();
        let mut doors = Vec::new();
        for bound in bound {
            doors.push(self.open(bound, objects, &pods));
        }
        self.close_when_over(&pods, doors, applied);
        Ok(Started { pods, published })
    }

    /// Adds the ConfigMaps, Secrets and Services of a manifest, or puts them in the place of those of the same name, and
    /// starts its pods. The objects stay until [`delete`](Self::delete); pods that mount one see the change. Ports of
    /// the machine open for the pods only.
    ///
    /// # Errors
    /// As [`run`](Self::run), but the objects are there if it was a pod that could not start.
    pub fn apply(&self, manifest: &str) -> Result<Started, StartError> {
        let mut objects = load(manifest)?;
        let pods = spec::Objects {
            pods: std::mem::take(&mut objects.pods),
            ..spec::Objects::default()
        };
        self.inner.catalog.apply(&objects)?;
        self.start(&pods, &[])
    }

    /// Removes a ConfigMap, Secret or Service; whether it was there. Volumes keep what they show of it.
    pub fn delete(&self, key: &spec::ObjectKey) -> bool {
        self.inner.catalog.delete(key)
    }

    /// Runs the pods of a folder, a file each, while the files are there: a new file starts a pod, a removed one stops it
    /// with its grace period, a changed one does both. What begins with a dot is ignored.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn static_pods(&self, folder: impl Into<PathBuf>) -> Result<StaticPods, StaticPodsError> {
        StaticPods::watch(self.clone(), folder.into())
    }

    /// `spec.nodeName` of its pods.
    pub(crate) fn name(&self) -> &'static str {
        NODE_NAME
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.inner.world.runtime
    }

    pub(crate) fn wall_time(&self) -> WallTime {
        self.inner.world.epoch().at(self.inner.world.now())
    }

    /// What time it is for its pods.
    pub(crate) fn time(&self) -> Now {
        let instant = self.inner.world.now();
        Now {
            instant,
            wall: self.inner.world.epoch().at(instant),
        }
    }

    /// Waits until it is so late for its pods.
    pub(crate) async fn sleep_until(&self, deadline: Instant) {
        self.inner.world.sleep_until(deadline).await;
    }
}

fn load(manifest: &str) -> Result<spec::Objects, StartError> {
    let source = Source {
        name: "manifest".to_owned(),
        bytes: manifest.as_bytes().to_vec(),
    };
    let loaded = seedpod_api::load(&[source]).map_err(StartError::Manifest)?;
    Ok(loaded.objects)
}

/// `spec.nodeName` of pods whose manifest has none.
const NODE_NAME: &str = "seedpod";

fn seed() -> Seed {
    let mut bytes = [0; 8];
    fill_random(&mut bytes);
    Seed::new(u64::from_le_bytes(bytes))
}

/// A uid, as the API server gives to objects.
fn uid() -> String {
    let mut bytes = [0; 16];
    fill_random(&mut bytes);
    uuid(u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    #[test]
    fn uids_are_version_4() {
        let uid = super::uid();
        assert_eq!(uid.len(), 36);
        assert_eq!(uid.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&uid.as_bytes()[19]));
        assert_ne!(uid, super::uid());
    }
}
