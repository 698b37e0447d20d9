//! Sizes of ReplicaSets.

use super::sets::{annotation, wanted};
use super::{DESIRED_REPLICAS, MANAGER, MAX_REPLICAS, Rollout};
use crate::server::controllers::pods::int;
use crate::server::error::ApiError;
use crate::server::object;
use serde_json::Value;
use std::cmp::Reverse;
use std::time::Duration;

/// `status.availableReplicas`
pub(super) fn available(set: &Value) -> i64 {
    int(&set["status"]["availableReplicas"])
}

impl Rollout<'_> {
    /// Whether the number of replicas has changed since the ReplicaSets got theirs.
    pub(super) fn is_scaled(&self) -> bool {
        let replicas = self.replicas();
        let mut active = self.sets.iter().filter(|set| wanted(set) > 0);
        active.any(|set| noted(set, DESIRED_REPLICAS).is_some_and(|noted| noted != replicas))
    }

    /// Gives the ReplicaSets their new share, without going on with a rollout.
    pub(super) fn sync_size(&mut self, is_paused: bool) -> Result<Option<Duration>, ApiError> {
        self.sync_revision(false)?;
        self.scale_all()?;
        if is_paused {
            self.clean_up()?;
        }
        self.sync_status()
    }

    fn scale_all(&mut self) -> Result<(), ApiError> {
        let replicas = self.replicas();
        let active: Vec<usize> = self.active_places();
        match active.as_slice() {
            [] => {
                let latest = self.newest_place().or(self.old_places().last().copied());
                return match latest {
                    Some(place) => self.scale(place, replicas, false).map(drop),
                    None => Ok(()),
                };
            }
            [place] => return self.scale(*place, replicas, false).map(drop),
            _ => {}
        }
        if self
            .newest()
            .is_some_and(|newest| self.is_saturated(newest))
        {
            for place in self.old_places() {
                self.scale(place, 0, false)?;
            }
            return Ok(());
        }
        match self.is_rolling() {
            true => self.scale_in_proportion(active),
            false => Ok(()),
        }
    }

    /// Shares what is to be added or taken among all, so that a rollout neither gains nor loses by it.
    fn scale_in_proportion(&mut self, mut active: Vec<usize>) -> Result<(), ApiError> {
        let allowed = match self.replicas() {
            0 => 0,
            replicas => replicas + self.max_surge(),
        };
        let total: i64 = active.iter().map(|place| wanted(&self.sets[*place])).sum();
        let to_add = allowed - total;
        // The largest first; of equal ones the newer gains and the older loses.
        match to_add >= 0 {
            true => active.sort_by_key(|place| Reverse((wanted(&self.sets[*place]), *place))),
            false => active.sort_by_key(|place| (Reverse(wanted(&self.sets[*place])), *place)),
        }
        let mut sizes = Vec::new();
        let mut added = 0;
        for place in &active {
            let share = self.share(&self.sets[*place], to_add, to_add - added);
            added += share;
            sizes.push(wanted(&self.sets[*place]) + share);
        }
        sizes[0] = (sizes[0] + to_add - added).max(0);
        for (place, size) in active.into_iter().zip(sizes) {
            self.scale(place, size, true)?;
        }
        Ok(())
    }

    fn share(&self, set: &Value, to_add: i64, left: i64) -> i64 {
        let size = wanted(set);
        if size == 0 || to_add == 0 || left == 0 {
            return 0;
        }
        let fraction = match (self.replicas(), noted(set, MAX_REPLICAS)) {
            (0, _) => -size,
            (replicas, before) => {
                let before = before.filter(|before| *before > 0);
                let before = before.unwrap_or(int(&self.deployment["status"]["replicas"]));
                match before {
                    0 => 0,
                    before => rounded(size * (replicas + self.max_surge()), before) - size,
                }
            }
        };
        match to_add > 0 {
            true => fraction.min(left),
            false => fraction.max(left),
        }
    }

    /// Whether a ReplicaSet has all pods of the Deployment, and they are available.
    fn is_saturated(&self, set: &Value) -> bool {
        let replicas = self.replicas();
        let all = [
            Some(wanted(set)),
            noted(set, DESIRED_REPLICAS),
            Some(available(set)),
        ];
        all.iter().all(|number| *number == Some(replicas))
    }

    /// Where the ReplicaSets are that shall have pods.
    pub(super) fn active_places(&self) -> Vec<usize> {
        let places = 0..self.sets.len();
        places
            .filter(|place| wanted(&self.sets[*place]) > 0)
            .collect()
    }

    /// All pods that the ReplicaSets shall have.
    pub(super) fn total_wanted(&self) -> i64 {
        self.sets.iter().map(wanted).sum()
    }

    /// How many pods the newest ReplicaSet may have, which has `now`.
    pub(super) fn newest_size(&self, now: i64) -> i64 {
        let room = self.replicas() + self.max_surge() - self.total_wanted();
        now + room.min(self.replicas() - now).max(0)
    }

    /// Gives a ReplicaSet another size. Whether it had another; with `annotate` it is also noted what all shall have.
    pub(super) fn scale(
        &mut self,
        place: usize,
        size: i64,
        annotate: bool,
    ) -> Result<bool, ApiError> {
        let old_size = wanted(&self.sets[place]);
        if !annotate && old_size == size {
            return Ok(false);
        }
        let mut set = self.sets[place].clone();
        set["spec"]["replicas"] = size.into();
        self.annotate_replicas(&mut set);
        if set == self.sets[place] {
            return Ok(false);
        }
        self.write_set(place, set)?;
        if old_size == size {
            return Ok(false);
        }
        let direction = if old_size < size { "up" } else { "down" };
        let name = object::name(&self.sets[place]);
        let message = format!("Scaled {direction} replica set {name} from {old_size} to {size}");
        MANAGER.normal(self.server, &self.deployment, "ScalingReplicaSet", &message);
        Ok(true)
    }
}

fn noted(set: &Value, name: &str) -> Option<i64> {
    let number: u32 = annotation(set, name)?.parse().ok()?;
    Some(number.into())
}

/// A quotient of numbers that are not negative; a half is rounded up.
fn rounded(dividend: i64, divisor: i64) -> i64 {
    (2 * dividend + divisor) / (2 * divisor)
}
