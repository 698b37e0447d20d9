//! World 2: the machine. Real time, real chance, real files, real ports.

use crate::egress;
use crate::folders::RunFolder;
use crate::images::Images;
use crate::logs::PodLogs;
use crate::record::Record;
use async_trait::async_trait;
use seedpod_core::net;
use seedpod_core::seed::Seed;
use seedpod_core::spec;
use seedpod_core::time::{Instant, WallTime};
use seedpod_core::volume::{MemoryVolume, Volume};
use seedpod_engine::PodHandle;
use seedpod_engine::world::{ImageError, Output, PodName, Random, ResolvedImage, World};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::runtime::Handle;

/// Sees everything that pods say, in the order each of them says it. Called on the pod's own task: while it waits, the
/// pod waits.
pub type Observer = Box<dyn Fn(&PodName, &Output) + Send + Sync>;

/// The machine, as the pods of a node see it.
pub(crate) struct HostWorld {
    pub(crate) images: Images,
    pub(crate) runtime: Handle,
    started: std::time::Instant,
    epoch: WallTime,
    run_folder: Option<RunFolder>,
    observer: Option<Observer>,
    records: Mutex<BTreeMap<PodName, Arc<Record>>>,
}

impl HostWorld {
    pub(crate) fn new(
        images: Images,
        runtime: Handle,
        run_folder: Option<RunFolder>,
        observer: Option<Observer>,
    ) -> Self {
        let since_1970 = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let epoch =
            WallTime::from_unix_nanos(u64::try_from(since_1970.as_nanos()).unwrap_or(u64::MAX));
        let started = std::time::Instant::now();
        Self {
            images,
            runtime,
            started,
            epoch,
            run_folder,
            observer,
            records: Mutex::default(),
        }
    }

    /// Begins to keep what a pod says. `None` when a pod of this name is there already.
    pub(crate) fn add_record(
        &self,
        pod: &PodName,
        logs: Option<Arc<PodLogs>>,
    ) -> Option<Arc<Record>> {
        let mut records = self.records();
        if records.contains_key(pod) {
            return None;
        }
        let files = logs.map(|logs| (logs, self.epoch()));
        let record = Record::new(self.started, files);
        records.insert(pod.clone(), record.clone());
        Some(record)
    }

    /// Forgets a pod; whoever holds its record still reads it.
    pub(crate) fn remove_record(&self, pod: &PodName) {
        self.records().remove(pod);
    }

    fn records(&self) -> MutexGuard<'_, BTreeMap<PodName, Arc<Record>>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl World for HostWorld {
    fn now(&self) -> Instant {
        Instant::ZERO + self.started.elapsed()
    }

    fn epoch(&self) -> WallTime {
        self.epoch
    }

    async fn sleep_until(&self, deadline: Instant) {
        match self
            .started
            .checked_add(Duration::from_nanos(deadline.as_nanos()))
        {
            Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
            None => std::future::pending().await,
        }
    }

    fn random(&self, _seed: Seed) -> Box<dyn Random> {
        Box::new(FromMachine)
    }

    async fn image(
        &self,
        reference: &str,
        policy: spec::ImagePullPolicy,
    ) -> Result<ResolvedImage, ImageError> {
        self.images.resolve(reference, policy)
    }

    fn empty_dir(&self, uid: &str, volume: &str) -> Result<Arc<dyn Volume>, String> {
        match &self.run_folder {
            Some(folder) => folder
                .create(uid, volume)
                .map_err(|error| error.to_string()),
            None => Ok(MemoryVolume::empty(volume, None, self.epoch.at(self.now()))),
        }
    }

    fn host_path(&self, path: &spec::HostPath) -> Result<Arc<dyn Volume>, String> {
        crate::folders::host_path(path)
    }

    fn remove_pod(&self, uid: &str) {
        if let Some(folder) = &self.run_folder
            && let Err(error) = folder.remove(uid)
        {
            tracing::warn!("cannot remove the volumes of a pod, the next start will: {error}");
        }
    }

    fn outside(&self, pod: &PodHandle, request: net::Request) {
        egress::perform(&self.runtime, pod, request);
    }

    fn output(&self, pod: &PodName, output: Output) {
        let record = self.records().get(pod).cloned();
        if let Some(record) = record {
            record.take(&output);
        }
        if let Some(observe) = &self.observer {
            observe(pod, &output);
        }
    }
}

/// Random bytes of the operating system.
struct FromMachine;

impl Random for FromMachine {
    fn fill(&mut self, buffer: &mut [u8]) {
        fill_random(buffer);
    }
}

/// # Panics
/// When the operating system has no randomness: nothing that needs a secret could go on.
pub(crate) fn fill_random(buffer: &mut [u8]) {
    getrandom::fill(buffer).expect("the operating system has randomness");
}
