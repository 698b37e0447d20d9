//! The disks of a run: what a plain `emptyDir` lies on, and what can be wrong with it.
//!
//! A container that crashes loses nothing, for the machine and its page cache live on. Where a test says that only what was
//! synced is durable ([`Durable::Fsync`]), a crash is that of the machine: then all containers of the pod die, and after
//! them [`Disks::cut_power`] decides what its volumes have kept. Volumes of `medium: Memory` and `hostPath` are no disks of a
//! pod and not among these.

use seedpod_core::limits::DISKS_OF_ENDED_PODS_MAX;
use seedpod_core::podtest::{DiskSettings, Durable};
use seedpod_core::time::WallTime;
use seedpod_core::volume::{Decisions, DiskVolume, Durability, Usual};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The disks of a run.
pub struct Disks {
    state: Mutex<State>,
}

struct State {
    decisions: Arc<dyn Decisions>,
    settings: DiskSettings,
    /// In order of appearance.
    disks: Vec<Disk>,
}

struct Disk {
    /// UID of its pod.
    uid: String,
    name: String,
    volume: Arc<DiskVolume>,
    /// Whether its pod has ended; tests still look at it.
    has_ended: bool,
}

impl Default for Disks {
    /// Disks that are always as usual.
    fn default() -> Self {
        Self::new(Arc::new(Usual))
    }
}

impl Disks {
    /// Disks whose decisions come from there. Whoever answers never calls a volume.
    pub fn new(decisions: Arc<dyn Decisions>) -> Self {
        let state = State {
            decisions,
            settings: DiskSettings::default(),
            disks: Vec::new(),
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// Who decides about disks that are made from now on, and never calls a volume.
    pub fn decide_by(&self, decisions: Arc<dyn Decisions>) {
        self.lock().decisions = decisions;
    }

    /// What disks are like that are made from now on.
    pub fn set(&self, settings: DiskSettings) {
        self.lock().settings = settings;
    }

    /// A new disk, empty.
    pub(crate) fn create(&self, uid: &str, name: &str, now: WallTime) -> Arc<DiskVolume> {
        let mut state = self.lock();
        let volume = DiskVolume::new(name, None, now, state.decisions.clone());
        volume.choose_order();
        match state.settings.durable {
            Durable::Write => {}
            Durable::Fsync => volume.keep_journal(Durability::default()),
        }
        state.disks.push(Disk {
            uid: uid.to_owned(),
            name: name.to_owned(),
            volume: volume.clone(),
            has_ended: false,
        });
        volume
    }

    /// A pod has ended. What it wrote can still be looked at, but not for ever.
    pub(crate) fn pod_ended(&self, uid: &str) {
        let mut state = self.lock();
        let own = |disk: &&mut Disk| disk.uid == uid;
        for disk in state.disks.iter_mut().filter(own) {
            disk.has_ended = true;
        }
        let ended = state.disks.iter().filter(|disk| disk.has_ended).count();
        let mut surplus = ended.saturating_sub(DISKS_OF_ENDED_PODS_MAX);
        state.disks.retain(|disk| {
            let goes = disk.has_ended && surplus > 0;
            surplus -= usize::from(goes);
            !goes
        });
    }

    /// The volume of this name of the pod with this UID.
    pub fn volume(&self, uid: &str, name: &str) -> Option<Arc<DiskVolume>> {
        let state = self.lock();
        let mut disks = state.disks.iter();
        let disk = disks.find(|disk| disk.uid == uid && disk.name == name)?;
        Some(disk.volume.clone())
    }

    /// The volumes of this name of all pods; `*` stands for every name. In order of appearance.
    pub fn named(&self, name: &str) -> Vec<Arc<DiskVolume>> {
        let is_meant = |disk: &&Disk| !disk.has_ended && (name == "*" || disk.name == name);
        let state = self.lock();
        let disks = state.disks.iter().filter(is_meant);
        disks.map(|disk| disk.volume.clone()).collect()
    }

    /// The machine of the pod with this UID dies, of every pod if there is none: decides for each of its volumes what of
    /// that which was not synced is left. Its containers are dead already.
    pub fn cut_power(&self, uid: Option<&str>) {
        let hit = |disk: &&Disk| !disk.has_ended && uid.is_none_or(|uid| disk.uid == uid);
        let volumes: Vec<_> = {
            let state = self.lock();
            let disks = state.disks.iter().filter(hit);
            disks.map(|disk| disk.volume.clone()).collect()
        };
        for volume in volumes {
            volume.crash();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Disks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        let names: Vec<&str> = state.disks.iter().map(|disk| disk.name.as_str()).collect();
        f.debug_tuple("Disks").field(&names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seedpod_core::volume::{Caller, New, Volume};

    #[test]
    fn disks_of_ended_pods_are_kept_for_a_while() {
        let disks = Disks::default();
        let now = WallTime::default();
        disks.create("alive", "data", now);
        for number in 0..=DISKS_OF_ENDED_PODS_MAX {
            disks.create(&number.to_string(), "data", now);
        }
        for number in 0..=DISKS_OF_ENDED_PODS_MAX {
            disks.pod_ended(&number.to_string());
        }
        let is_kept = |uid: &str| disks.volume(uid, "data").is_some();
        assert!(is_kept("alive"));
        assert!(!is_kept("0"));
        assert!(is_kept("1"));
        assert_eq!(disks.named("*").len(), 1, "the others have no pod any more");
        assert_eq!(disks.named("other").len(), 0);
    }

    #[test]
    fn the_power_takes_what_was_not_synced_where_a_test_says_so() {
        struct Nothing;
        impl Decisions for Nothing {
            fn choose(
                &self,
                _kind: seedpod_core::sched::ChoiceKind,
                arity: u32,
                _label: &str,
            ) -> u32 {
                arity - 1
            }
            fn chance(
                &self,
                _kind: seedpod_core::sched::ChoiceKind,
                _per_million: u32,
                _label: &str,
            ) -> bool {
                true
            }
        }
        let check = |durable: Durable, uid: Option<&str>, is_left: bool| {
            let disks = Disks::new(Arc::new(Nothing));
            disks.set(DiskSettings {
                durable,
                ..DiskSettings::default()
            });
            let (caller, volume) = (Caller::host(WallTime::default()), "data");
            let disk = disks.create("a", volume, caller.now);
            let new = disk.create(caller, disk.root(), "file", New::File(0o644));
            assert!(new.is_ok());
            disks.cut_power(uid);
            let found = disk.lookup(caller, disk.root(), "file");
            assert_eq!(found.is_ok(), is_left, "{durable:?} {uid:?}");
        };
        check(Durable::Write, None, true);
        check(Durable::Fsync, None, false);
        check(Durable::Fsync, Some("a"), false);
        check(Durable::Fsync, Some("b"), true);
    }
}
