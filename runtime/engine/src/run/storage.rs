//! Measures what a pod stores, where that has a limit: at the next tick after something was written, and only then.

use super::PodTask;
use seedpod_core::pod::Event;
use seedpod_core::pod::storage::{self, MEASURING_PERIOD, StorageUsed};
use seedpod_core::spec::{self, Medium, VolumeSource};
use seedpod_core::time::Instant;
use seedpod_core::volume::Volume;
use std::sync::Arc;

/// When a pod is measured.
#[derive(Debug)]
pub(super) struct StorageMeter {
    is_limited: bool,
    /// Set while there is something new.
    due: Option<Instant>,
}

impl StorageMeter {
    pub(super) fn new(spec: &spec::Pod) -> Self {
        Self {
            is_limited: storage::is_limited(spec),
            due: None,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }
}

impl PodTask {
    /// Sees whether anything was written since the last time; cheap, for it comes after every step.
    pub(super) fn note_stored(&mut self, now: Instant, has_logged: bool) {
        if !self.storage.is_limited || self.storage.due.is_some() {
            return;
        }
        let volumes = self.disk_volumes().map(|(_, volume)| volume);
        let layers = self.slots.iter().filter_map(|slot| slot.layer());
        // All of them are asked, so that what is measured once counts as measured.
        let changes = volumes
            .chain(layers)
            .filter(|volume| volume.take_changed())
            .count();
        if changes > 0 || has_logged {
            let period = MEASURING_PERIOD.as_nanos();
            let ticks = u128::from(now.as_nanos()) / period + 1;
            let next = u64::try_from(ticks * period).unwrap_or(u64::MAX);
            self.storage.due = Some(Instant::ZERO + std::time::Duration::from_nanos(next));
        }
    }

    /// Measures if it is time, and evicts the pod if it stores too much.
    pub(super) fn measure_stored(&mut self, now: Instant) {
        if self.storage.due.is_none_or(|due| due > now) {
            return;
        }
        self.storage.due = None;
        let mut used = StorageUsed::default();
        for (name, volume) in self.disk_volumes() {
            used.volumes.insert(name.to_owned(), volume.bytes_used());
        }
        for (spec, slot) in self.pod.spec().all_containers().zip(&self.slots) {
            if let Some(layer) = slot.layer() {
                let bytes = layer.bytes_used().saturating_add(slot.logged());
                used.containers.insert(spec.name.clone(), bytes);
            }
        }
        if let Some(message) = storage::excess(self.pod.spec(), &used) {
            self.pod.handle(now, Event::Evict { message });
        }
    }

    fn disk_volumes(&self) -> impl Iterator<Item = (&str, &Arc<dyn Volume>)> {
        let on_disk = |volume: &&spec::Volume| match &volume.source {
            VolumeSource::EmptyDir(dir) => dir.medium == Medium::Default,
            VolumeSource::ConfigMap(_)
            | VolumeSource::Secret(_)
            | VolumeSource::DownwardApi(_)
            | VolumeSource::Projected(_)
            | VolumeSource::HostPath(_)
            | VolumeSource::Image(_) => false,
        };
        let volumes = self.start.spec.volumes.iter().filter(on_disk);
        volumes.filter_map(|volume| {
            let mounted = self.sandbox.volume(&volume.name)?;
            Some((volume.name.as_str(), mounted))
        })
    }
}
