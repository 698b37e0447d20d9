//! What a pod cannot decide for itself: time, chance, images, places for files, and where its output goes.

use crate::run::PodHandle;
use crate::scheduler::Scheduler;
use async_trait::async_trait;
use seedpod_core::image::Image;
use seedpod_core::net;
use seedpod_core::pod::{PodEvent, Status};
use seedpod_core::seed::Seed;
use seedpod_core::spec;
use seedpod_core::time::{Instant, WallTime};
use seedpod_core::volume::Volume;
use std::sync::Arc;

/// Everything a pod cannot decide for itself. Exactly two implementations: `host` (real time, real files) and `sim`
/// (virtual time, one seed). One world serves all pods of the process.
#[async_trait]
pub trait World: Send + Sync + 'static {
    /// Nanoseconds since the world began.
    fn now(&self) -> Instant;

    /// Wall time when the world began.
    fn epoch(&self) -> WallTime;

    /// A guest has run for a slice or until it waited. Says what time it is now; in a simulation that took a while.
    fn step_ended(&self) -> Instant {
        self.now()
    }

    /// Who decides which process goes on. Processes take turns in the order they became ready when there is nobody.
    fn scheduler(&self) -> Option<Arc<dyn Scheduler>> {
        None
    }

    /// Resolves once time has reached `deadline`.
    async fn sleep_until(&self, deadline: Instant);

    /// Random bytes for a guest. `seed` is the process' own: the simulator draws from it, the host from the machine.
    fn random(&self, seed: Seed) -> Box<dyn Random>;

    /// Resolves an image reference to files and a way to start them.
    async fn image(
        &self,
        reference: &str,
        policy: spec::ImagePullPolicy,
    ) -> Result<ResolvedImage, ImageError>;

    /// The volume behind a plain `emptyDir`, empty and for this pod alone. The error says why there is none.
    fn empty_dir(&self, uid: &str, volume: &str) -> Result<Arc<dyn Volume>, String>;

    /// The volume behind a `hostPath`. The error says why there is none.
    fn host_path(&self, path: &spec::HostPath) -> Result<Arc<dyn Volume>, String>;

    /// Takes everything of a pod away: it has ended, and nobody holds its volumes any more.
    fn remove_pod(&self, uid: &str);

    /// Does what a guest asked of the machine's network. Only called where the egress policy allows it.
    fn outside(&self, pod: &PodHandle, request: net::Request);

    /// Takes what a pod has to say.
    fn output(&self, pod: &PodName, output: Output);
}

/// A stream of random bytes.
pub trait Random: Send {
    /// Fills `buffer`.
    fn fill(&mut self, buffer: &mut [u8]);
}

impl Random for seedpod_core::seed::Rng {
    fn fill(&mut self, buffer: &mut [u8]) {
        self.fill(buffer);
    }
}

/// An image and how it was found.
#[derive(Clone, Debug)]
pub struct ResolvedImage {
    /// The image.
    pub image: Arc<Image>,
    /// Whether nothing had to be fetched.
    pub already_present: bool,
    /// What stands in for the name of the manifest, where that is another image: `bundled nginx`.
    pub substitute: Option<String>,
}

/// Why there is no image. Texts as the kubelet shows them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The reference is malformed.
    #[error("couldn't parse image name {reference:?}: {reason}")]
    InvalidName {
        /// The reference as written.
        reference: String,
        /// What is wrong with it.
        reason: String,
    },
    /// `imagePullPolicy: Never` and it is not here.
    #[error("container image {0:?} is not present with pull policy of Never")]
    NeverPull(String),
    /// It could not be found or is not something that runs here.
    #[error("failed to pull image {reference:?}: {reason}")]
    Pull {
        /// The reference as written.
        reference: String,
        /// Why, and what to do.
        reason: String,
    },
}

/// Which pod speaks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PodName {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// What a pod has to say.
#[derive(Clone, Debug)]
pub enum Output {
    /// A line a container wrote.
    Log(LogLine),
    /// Something worth knowing happened.
    Event(PodEvent),
    /// Its status changed.
    Status(Box<Status>),
}

/// A line of output, or a part of a long one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Container name.
    pub container: String,
    /// Which instance of it wrote this: how many there were before.
    pub restart: u32,
    /// Where it wrote to.
    pub stream: LogStream,
    /// When.
    pub at: Instant,
    /// The text without its line feed; any bytes.
    pub bytes: Vec<u8>,
    /// Whether the line goes on in the next part: it was longer than 16 KiB.
    pub partial: bool,
}

/// Where a container wrote to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}
