//! The faults of a test in its simulation.

use super::Simulation;
use crate::faults::{Faults, Ground};
use seedpod_core::net::{Fabric, Rules};
use seedpod_core::podtest::{Expression, PodTest};
use seedpod_engine::Catalog;
use std::sync::Arc;

impl Simulation {
    /// Makes the world that of a test, and draws the faults of this run; before there is any pod.
    pub fn set_test(&mut self, test: &PodTest) {
        let scheduler = &self.world.scheduler;
        scheduler.set_world(&test.world);
        self.world.disks.set(test.world.disk);
        let rules = Faults::need_rules(test).then(|| Rules::new(scheduler.clone()));
        if let Some(rules) = &rules {
            let fabric = Fabric::with_rules(rules.clone());
            self.catalog = Arc::new(Catalog::new(fabric));
        }
        if Faults::need(test) {
            self.faults = Some(Box::new(Faults::new(test, scheduler, rules)));
        }
    }

    pub(super) fn with_faults(&mut self, call: impl FnOnce(&mut Faults, &Ground<'_>)) {
        if let Some(faults) = &mut self.faults {
            let ground = Ground {
                scheduler: &self.world.scheduler,
                pods: &self.handles,
                disks: &self.world.disks,
                objects: self.catalog.snapshot(),
                now: self.world.clock.now(),
            };
            call(faults, &ground);
        }
    }

    /// Begins the quiet tail: no fault happens any more, those that last end, and what they have stopped starts again.
    pub fn settle(&mut self) {
        self.world.scheduler.settle();
        self.with_faults(Faults::stop);
    }

    /// Faults of the script that wait for an expression to become true, by their place.
    pub fn awaited(&self) -> Vec<(usize, Expression)> {
        let faults = self.faults.iter();
        let awaited = faults.flat_map(|faults| faults.conditions());
        awaited.map(|(place, one)| (place, one.clone())).collect()
    }

    /// An expression of [`awaited`](Self::awaited) has become true.
    pub fn happen(&mut self, place: usize) {
        self.with_faults(|faults, ground| faults.happen_of_script(ground, place));
    }
}
