//! How the newest ReplicaSet takes over.

use super::Rollout;
use super::progress::is_complete;
use super::scale::available;
use super::sets::wanted;
use crate::server::controllers::pods::int;
use crate::server::error::ApiError;
use std::time::Duration;

impl Rollout<'_> {
    /// Pods of the new template come and those of old ones go, a few at a time.
    pub(super) fn roll(&mut self) -> Result<Option<Duration>, ApiError> {
        self.sync_revision(true)?;
        if self.grow_newest()? || self.shrink_old()? {
            return self.sync_rollout_status();
        }
        self.finish()
    }

    /// Pods of the new template come when those of old ones are gone.
    pub(super) fn recreate(&mut self) -> Result<Option<Duration>, ApiError> {
        let mut is_scaled = false;
        for place in self.old_places() {
            is_scaled |= self.scale(place, 0, false)?;
        }
        let old = self.old_places().into_iter();
        let mut old = old.map(|place| int(&self.sets[place]["status"]["replicas"]));
        if is_scaled || old.any(|pods| pods > 0) || self.has_old_pods() {
            return self.sync_rollout_status();
        }
        self.sync_revision(true)?;
        if let Some(place) = self.newest_place() {
            self.scale(place, self.replicas(), false)?;
        }
        self.finish()
    }

    fn finish(&mut self) -> Result<Option<Duration>, ApiError> {
        if is_complete(&self.deployment, &self.deployment["status"]) {
            self.clean_up()?;
        }
        self.sync_rollout_status()
    }

    fn grow_newest(&mut self) -> Result<bool, ApiError> {
        let Some(place) = self.newest_place() else {
            return Ok(false);
        };
        let (size, replicas) = (wanted(&self.sets[place]), self.replicas());
        let size = match size > replicas {
            true => replicas,
            false => self.newest_size(size),
        };
        self.scale(place, size, false)
    }

    fn shrink_old(&mut self) -> Result<bool, ApiError> {
        let old = self.old_places();
        let old_size: i64 = old.iter().map(|place| wanted(&self.sets[*place])).sum();
        if old_size == 0 {
            return Ok(false);
        }
        let least = self.replicas() - self.max_unavailable();
        let newest = self.newest();
        let missing = newest.map_or(0, |newest| wanted(newest) - available(newest));
        let most = self.total_wanted() - least - missing;
        if most <= 0 {
            return Ok(false);
        }
        // Pods that are not available can go without harm, and would be in the way.
        let mut shrunk = 0;
        for place in &old {
            let set = &self.sets[*place];
            let ill = (wanted(set) - available(set)).min(most - shrunk);
            if ill > 0 {
                let size = wanted(set) - ill;
                self.scale(*place, size, false)?;
                shrunk += ill;
            }
        }
        let mut left = self.sets.iter().map(available).sum::<i64>() - least;
        for place in old {
            let set = &self.sets[place];
            let fewer = wanted(set).min(left);
            if fewer > 0 {
                let size = wanted(set) - fewer;
                self.scale(place, size, false)?;
                left -= fewer;
                shrunk += fewer;
            }
        }
        Ok(shrunk > 0)
    }
}
