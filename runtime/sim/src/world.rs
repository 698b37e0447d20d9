//! What a simulated pod gets from outside: virtual time, seeded chance, memory for files, and nothing else.

use crate::clock::Clock;
use crate::disk::Disks;
use crate::machine::Machine;
use crate::scheduler::SimScheduler;
use async_trait::async_trait;
use seedpod_core::net;
use seedpod_core::seed::Seed;
use seedpod_core::spec;
use seedpod_core::time::{Instant, WallTime};
use seedpod_core::volume::Volume;
use seedpod_engine::PodHandle;
use seedpod_engine::scheduler::Scheduler;
use seedpod_engine::world::{ImageError, Output, PodName, Random, ResolvedImage, World};
use std::sync::{Arc, Mutex, PoisonError};

/// Where a simulation finds images. Must answer the same every time.
pub type Images =
    Arc<dyn Fn(&str, spec::ImagePullPolicy) -> Result<ResolvedImage, ImageError> + Send + Sync>;

/// What a pod said, and when.
#[derive(Clone, Debug)]
pub struct Record {
    /// Virtual time.
    pub at: Instant,
    /// Which pod.
    pub pod: PodName,
    /// What.
    pub output: Output,
}

pub(crate) struct SimWorld {
    pub(crate) clock: Clock,
    pub(crate) epoch: WallTime,
    pub(crate) images: Images,
    pub(crate) machine: Machine,
    pub(crate) scheduler: Arc<SimScheduler>,
    pub(crate) records: Mutex<Vec<Record>>,
    pub(crate) disks: Disks,
}

#[async_trait]
impl World for SimWorld {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn epoch(&self) -> WallTime {
        self.epoch
    }

    fn step_ended(&self) -> Instant {
        self.scheduler.step_ended()
    }

    fn scheduler(&self) -> Option<Arc<dyn Scheduler>> {
        Some(self.scheduler.clone())
    }

    async fn sleep_until(&self, deadline: Instant) {
        self.clock.sleep_until(deadline).await;
    }

    fn random(&self, seed: Seed) -> Box<dyn Random> {
        Box::new(seed.rng())
    }

    async fn image(
        &self,
        reference: &str,
        policy: spec::ImagePullPolicy,
    ) -> Result<ResolvedImage, ImageError> {
        (self.images)(reference, policy)
    }

    fn empty_dir(&self, uid: &str, volume: &str) -> Result<Arc<dyn Volume>, String> {
        let now = self.epoch.at(self.now());
        Ok(self.disks.create(uid, volume, now))
    }

    fn host_path(&self, path: &spec::HostPath) -> Result<Arc<dyn Volume>, String> {
        self.machine.volume(path, self.epoch.at(self.now()))
    }

    fn remove_pod(&self, uid: &str) {
        self.disks.pod_ended(uid);
    }

    /// Dropped, which the guest sees as an unreachable address.
    fn outside(&self, _pod: &PodHandle, _request: net::Request) {}

    fn output(&self, pod: &PodName, output: Output) {
        let record = Record {
            at: self.clock.now(),
            pod: pod.clone(),
            output,
        };
        self.scheduler.output(&record);
        self.records
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(record);
    }
}
