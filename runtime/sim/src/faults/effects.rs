//! What faults do, and how it ends.

use super::target::Target;
use super::{Faults, Ground};
use seedpod_core::net::{Effect, RuleId};
use seedpod_core::podtest::{
    DiskCall, DurationRange, FaultKind, Link, Links, OffsetRange, OneWay, Rate,
};
use seedpod_core::sched::ChoiceKind;
use seedpod_core::time::Instant;
use seedpod_core::volume::DiskErrors;
use seedpod_engine::Exhaustion;
use std::collections::BTreeSet;
use std::time::Duration;

/// What came of a fault.
pub(super) struct Done {
    /// `ok`, or why nothing came of it.
    pub(super) result: &'static str,
    pub(super) detail: String,
    /// To whom it happened, where the fault does not say.
    pub(super) object: Option<String>,
    /// Until when it lasts.
    pub(super) until: Option<Instant>,
}

/// What is undone at the end of a fault.
#[derive(Debug)]
pub(super) enum Ending {
    Rules(Vec<RuleId>),
    Resume(Target),
    Disk(u64),
}

/// What is wrong with a disk for a while.
#[derive(Clone, Debug)]
pub(super) enum DiskFault {
    Full,
    Errors(BTreeSet<DiskCall>, Rate),
    LostSyncs,
}

impl Done {
    fn at_once(detail: impl Into<String>) -> Self {
        Self {
            result: "ok",
            detail: detail.into(),
            object: None,
            until: None,
        }
    }

    /// The same, to a container.
    fn to(mut self, ground: &Ground<'_>, target: &Target) -> Self {
        self.object = Some(ground.scheduler.container_name(target));
        self
    }

    fn nothing() -> Self {
        Self {
            result: "nothing",
            detail: String::new(),
            object: None,
            until: None,
        }
    }
}

/// How late a datagram is that others overtake.
const REORDER_BY: Duration = Duration::from_millis(10);

impl Faults {
    /// Whether there is something that the fault could happen to.
    pub(super) fn is_possible(&self, ground: &Ground<'_>, kind: &FaultKind) -> bool {
        match kind {
            FaultKind::Crash { container }
            | FaultKind::Oom { container }
            | FaultKind::ClockJump { container, .. } => !ground.alive(container).is_empty(),
            FaultKind::Pause { container, .. } => {
                let alive = ground.alive(container);
                let is_free = |target| !ground.scheduler.with_faults(|t| t.is_paused(target));
                alive.iter().any(is_free)
            }
            FaultKind::Reset { link } => self.rules.as_ref().is_some_and(|rules| {
                let mut links = ground.links(link).into_iter();
                links.any(|link| rules.has_connection(&link))
            }),
            FaultKind::Slow { .. }
            | FaultKind::Partition { .. }
            | FaultKind::Loss { .. }
            | FaultKind::Reorder { .. } => self.rules.is_some(),
            FaultKind::DiskFull { volume, .. }
            | FaultKind::IoError { volume, .. }
            | FaultKind::LostFsync { volume, .. }
            | FaultKind::TornWrite { volume } => !ground.disks.named(volume).is_empty(),
            FaultKind::Redeliver { queue } => {
                let mut pods = ground.pods.iter();
                pods.any(|pod| pod.with(|kernel| kernel.ipc.can_redeliver(queue)))
            }
        }
    }

    /// Does it. `label` begins the names of its decisions.
    pub(super) fn perform(&mut self, ground: &Ground<'_>, kind: &FaultKind, label: &str) -> Done {
        match kind {
            FaultKind::Crash { container } => self.crash_one(ground, container, label),
            FaultKind::Oom { container } => self.exhaust(ground, container, label),
            FaultKind::Pause {
                container,
                duration,
            } => self.pause(ground, container, *duration, label),
            FaultKind::ClockJump { container, by } => jump(ground, container, *by, label),
            FaultKind::Slow { .. }
            | FaultKind::Partition { .. }
            | FaultKind::Reset { .. }
            | FaultKind::Loss { .. }
            | FaultKind::Reorder { .. } => self.perform_on_network(ground, kind, label),
            FaultKind::DiskFull { .. }
            | FaultKind::IoError { .. }
            | FaultKind::LostFsync { .. }
            | FaultKind::TornWrite { .. } => self.perform_on_disk(ground, kind, label),
            FaultKind::Redeliver { queue } => {
                let mut pods = ground.pods.iter();
                match pods.any(|pod| pod.with(|kernel| kernel.ipc.redeliver(queue))) {
                    true => Done::at_once(""),
                    false => Done::nothing(),
                }
            }
        }
    }

    fn perform_on_disk(&mut self, ground: &Ground<'_>, kind: &FaultKind, label: &str) -> Done {
        match kind {
            FaultKind::DiskFull { volume, duration } => {
                self.disk(ground, volume, DiskFault::Full, *duration, label)
            }
            FaultKind::IoError {
                volume,
                calls,
                rate,
                duration,
            } => {
                let fault = DiskFault::Errors(calls.clone(), *rate);
                self.disk(ground, volume, fault, *duration, label)
            }
            FaultKind::LostFsync { volume, duration } => {
                self.disk(ground, volume, DiskFault::LostSyncs, *duration, label)
            }
            FaultKind::TornWrite { volume } => {
                let disks = ground.disks.named(volume);
                for disk in &disks {
                    disk.change_faults(|faults| faults.tear_next_write = true);
                }
                self.tears = !disks.is_empty();
                Done::at_once("")
            }
            _ => Done::nothing(),
        }
    }

    fn perform_on_network(&mut self, ground: &Ground<'_>, kind: &FaultKind, label: &str) -> Done {
        match kind {
            FaultKind::Slow {
                link,
                latency,
                duration,
            } => {
                let (min, max) = (latency.min, latency.max);
                self.rule(ground, link, Effect::Latency { min, max }, *duration, label)
            }
            FaultKind::Partition {
                between,
                duration,
                one_way,
            } => {
                let link = partitioned(ground, between, *one_way, label);
                self.rule(ground, &link, Effect::Partition, *duration, label)
            }
            FaultKind::Reset { link } => self.reset(ground, link),
            FaultKind::Loss {
                link,
                rate,
                duration,
            } => {
                let per_million = rate.per_million;
                self.rule(ground, link, Effect::Loss { per_million }, *duration, label)
            }
            FaultKind::Reorder {
                link,
                rate,
                duration,
            } => {
                let effect = Effect::Reorder {
                    per_million: rate.per_million,
                    by: REORDER_BY,
                };
                self.rule(ground, link, effect, *duration, label)
            }
            _ => Done::nothing(),
        }
    }

    fn crash_one(&mut self, ground: &Ground<'_>, container: &str, label: &str) -> Done {
        let alive = ground.alive(container);
        match ground.one_of(&alive, &format!("{label}which")) {
            Some(target) => {
                self.crash(ground, &target, label.trim_end());
                Done::at_once("").to(ground, &target)
            }
            None => Done::nothing(),
        }
    }

    /// Kills a container, or the machine under it.
    fn crash(&mut self, ground: &Ground<'_>, target: &Target, fault: &str) {
        let Some(pod) = ground.pods.get(target.pod) else {
            return;
        };
        if !self.machine_dies {
            pod.kill_container(&target.container);
            return;
        }
        for spec in pod.spec().all_containers() {
            let other = Target {
                pod: target.pod,
                container: spec.name.clone(),
            };
            if pod.kill_container(&spec.name) && other != *target {
                let name = ground.scheduler.container_name(&other);
                ground.note(fault, "fault.crash", &name, ("ok", "with the machine"));
            }
        }
        ground.disks.cut_power(Some(pod.uid()));
    }

    fn exhaust(&mut self, ground: &Ground<'_>, container: &str, label: &str) -> Done {
        let alive = ground.alive(container);
        let Some(target) = ground.one_of(&alive, &format!("{label}which")) else {
            return Done::nothing();
        };
        let label = format!("{label}at its next growth");
        let (when, word) = match ground.scheduler.choose(ChoiceKind::Fault, 2, &label) {
            0 => (Exhaustion::Now, "now"),
            _ => (Exhaustion::NextGrowth, "at its next growth"),
        };
        let pod = &ground.pods[target.pod];
        if !pod.exhaust_memory(&target.container, when) {
            return Done::nothing();
        }
        let done = Done::at_once(word).to(ground, &target);
        if when == Exhaustion::NextGrowth {
            self.exhausted.push(target);
        }
        done
    }

    fn pause(
        &mut self,
        ground: &Ground<'_>,
        container: &str,
        duration: DurationRange,
        label: &str,
    ) -> Done {
        let mut free = ground.alive(container);
        free.retain(|target| {
            !ground
                .scheduler
                .with_faults(|tasks| tasks.is_paused(target))
        });
        let Some(target) = ground.one_of(&free, &format!("{label}which")) else {
            return Done::nothing();
        };
        let pause = target.clone();
        ground.scheduler.with_faults(|tasks| tasks.pause(pause));
        let ending = Ending::Resume(target.clone());
        let done = self.lasting(ground, ending, duration, label);
        done.to(ground, &target)
    }

    fn rule(
        &mut self,
        ground: &Ground<'_>,
        link: &Link,
        effect: Effect,
        duration: DurationRange,
        label: &str,
    ) -> Done {
        let links = ground.links(link).into_iter();
        let rules: Vec<RuleId> = links
            .filter_map(|link| self.add_rule(link, effect))
            .collect();
        if rules.is_empty() {
            return Done::nothing();
        }
        let done = self.lasting(ground, Ending::Rules(rules), duration, label);
        Done {
            object: Some(link.to_string()),
            ..done
        }
    }

    fn reset(&mut self, ground: &Ground<'_>, link: &Link) -> Done {
        let Some(rules) = &self.rules else {
            return Done::nothing();
        };
        let links = ground.links(link).into_iter();
        let count: usize = links.map(|link| rules.reset(&link)).sum();
        match count {
            0 => Done::nothing(),
            1 => Done::at_once("1 connection"),
            count => Done::at_once(format!("{count} connections")),
        }
    }

    fn disk(
        &mut self,
        ground: &Ground<'_>,
        volume: &str,
        fault: DiskFault,
        duration: DurationRange,
        label: &str,
    ) -> Done {
        self.number += 1;
        let number = self.number;
        self.disk_faults.insert(number, (volume.to_owned(), fault));
        self.set_disks(ground);
        self.lasting(ground, Ending::Disk(number), duration, label)
    }

    /// Something that ends after a while.
    fn lasting(
        &mut self,
        ground: &Ground<'_>,
        ending: Ending,
        duration: DurationRange,
        label: &str,
    ) -> Done {
        let time = ground.duration(duration, &format!("{label}for"));
        let until = ground.now + time;
        self.number += 1;
        self.endings.insert((until, self.number), ending);
        Done {
            result: "ok",
            detail: format!("for {time:?}"),
            object: None,
            until: Some(until),
        }
    }

    pub(super) fn end(&mut self, ground: &Ground<'_>, ending: Ending) {
        match ending {
            Ending::Rules(ids) => {
                if let Some(rules) = &self.rules {
                    rules.handle_timeout(ground.now);
                    ids.into_iter().for_each(|id| rules.remove(id));
                }
            }
            Ending::Resume(target) => {
                ground.scheduler.with_faults(|tasks| tasks.resume(&target));
                ground.pods[target.pod].wake();
            }
            Ending::Disk(number) => {
                self.disk_faults.remove(&number);
                self.set_disks(ground);
            }
        }
    }

    /// Makes the disks as they should be now.
    pub(super) fn set_disks(&self, ground: &Ground<'_>) {
        for disk in ground.disks.named("*") {
            let own = self.disk_faults.values();
            let own = own.filter(|(volume, _)| volume == "*" || volume == disk.name());
            let (mut full, mut errors, mut lost_syncs) = (false, None, 0);
            for (_, fault) in own {
                match fault {
                    DiskFault::Full => full = true,
                    DiskFault::Errors(calls, rate) => {
                        errors = Some(DiskErrors {
                            calls: calls.clone(),
                            per_million: rate.per_million,
                        });
                    }
                    DiskFault::LostSyncs => lost_syncs = Rate::ALWAYS.per_million,
                }
            }
            let tears = self.tears;
            disk.change_faults(|faults| {
                faults.full = full;
                faults.errors = errors;
                faults.lost_syncs_per_million = lost_syncs;
                faults.tear_next_write &= tears;
            });
        }
    }

    /// Who was in the middle of a torn write is dead.
    pub(super) fn kill_torn(&mut self, ground: &Ground<'_>) {
        let disks = ground.disks.named("*").into_iter();
        let torn = disks.filter(|disk| disk.take_torn()).count();
        if torn > 0
            && let Some(target) = ground.scheduler.last_target()
        {
            self.tears = false;
            self.set_disks(ground);
            let name = ground.scheduler.container_name(&target);
            ground.note("fault:tornWrite", "fault.crash", &name, ("ok", ""));
            self.crash(ground, &target, "fault:tornWrite");
        }
    }
}

fn jump(ground: &Ground<'_>, container: &str, by: OffsetRange, label: &str) -> Done {
    let alive = ground.alive(container);
    let Some(target) = ground.one_of(&alive, &format!("{label}which")) else {
        return Done::nothing();
    };
    let by = ground.offset(by, &format!("{label}by"));
    let sign = if by < 0 { "-" } else { "+" };
    let length = Duration::from_nanos(by.unsigned_abs());
    let done = Done::at_once(format!("{sign}{length:?}")).to(ground, &target);
    ground
        .scheduler
        .with_faults(|tasks| tasks.move_clock(target, by));
    done
}

fn partitioned(
    ground: &Ground<'_>,
    between: &(String, String),
    one_way: OneWay,
    label: &str,
) -> Link {
    let (from, to) = between.clone();
    let forth = Link {
        from,
        to,
        links: Links::Forth,
    };
    let both = Link {
        links: Links::Both,
        ..forth.clone()
    };
    let label = format!("{label}one way");
    match one_way {
        OneWay::No => both,
        OneWay::Yes => forth,
        OneWay::Maybe => match ground.scheduler.choose(ChoiceKind::Fault, 3, &label) {
            0 => both,
            1 => forth,
            _ => Link {
                from: forth.to,
                to: forth.from,
                links: Links::Forth,
            },
        },
    }
}
