//! How pods of a simulation come and go when somebody else names them.

use super::{Flag, SimulatedPod, Simulation, StartError};
use seedpod_core::net;
use seedpod_core::pod::Past;
use seedpod_core::spec::Pod;
use seedpod_engine::{PodHandle, PodStart};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

impl Simulation {
    /// Starts a pod that has its uid already.
    pub(crate) fn start_pod_as(
        &mut self,
        uid: String,
        spec: Arc<Pod>,
        past: Option<Box<Past>>,
    ) -> Result<PodHandle, StartError> {
        let number = self.created;
        self.created += 1;
        let node_name = spec.node_name.clone();
        let start = PodStart {
            spec,
            catalog: self.catalog.clone(),
            uid,
            past,
            node_name: node_name.unwrap_or_else(|| "sim".to_owned()),
            seed: self.seed.fork("pod").fork(&number.to_string()),
            egress: net::Egress::None,
            engine: self.engine.clone(),
            world: self.world.clone(),
        };
        let (handle, task) = start.spawn()?;
        let flag = Arc::new(Flag(AtomicBool::new(true)));
        let place = self.world.scheduler.pod_number(handle.name());
        match self.handles.get_mut(place) {
            Some(known) => *known = handle.clone(),
            None => self.handles.push(handle.clone()),
        }
        self.with_faults(|faults, ground| faults.pod_started(ground, place));
        self.pods.push(SimulatedPod {
            handle: handle.clone(),
            task: Some(Box::pin(task)),
            flag,
            status: None,
        });
        Ok(handle)
    }

    /// The machine goes down: what runs is lost, without a word.
    pub(crate) fn crash(&mut self) {
        self.pods.clear();
    }

    /// The uids of pods that have ended, which are forgotten.
    pub(crate) fn take_ended(&mut self) -> Vec<String> {
        let ended = self.pods.iter().filter(|pod| pod.task.is_none());
        let ended = ended.map(|pod| pod.handle.uid().to_owned()).collect();
        self.pods.retain(|pod| pod.task.is_some());
        ended
    }
}
