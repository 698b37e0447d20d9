//! What has to be looked at, and when: a queue in which everything stands once, as client-go's work queue with rate
//! limits.

use seedpod_core::limits::{CONTROLLER_RETRY_MAX, CONTROLLER_RETRY_MIN};
use seedpod_core::store::Key;
use seedpod_core::time::Instant;
use std::collections::BTreeMap;

/// Something for one controller.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    /// Its number.
    pub(super) controller: usize,
    /// What it shall look at.
    pub(super) key: Key,
}

/// Instant and number of the arrival: at equal instants first come, first served.
type Place = (Instant, u64);

/// Never longer than there are objects that were there once and have not been looked at since.
#[derive(Debug, Default)]
pub(super) struct Queue {
    line: BTreeMap<Place, Item>,
    places: BTreeMap<Item, Place>,
    failures: BTreeMap<Item, u32>,
    arrivals: u64,
}

impl Queue {
    /// At `due`, or sooner when it stands there already.
    pub(super) fn add(&mut self, item: Item, due: Instant) {
        if let Some(place) = self.places.get(&item) {
            if place.0 <= due {
                return;
            }
            self.line.remove(place);
        }
        let place = (due, self.arrivals);
        self.arrivals += 1;
        self.places.insert(item.clone(), place);
        self.line.insert(place, item);
    }

    /// The next that is due.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Item> {
        let first = self.line.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let item = first.remove();
        self.places.remove(&item);
        Some(item)
    }

    /// It went well; it shall be looked at again.
    pub(super) fn done(&mut self, item: Item, again: Option<Instant>) {
        self.failures.remove(&item);
        if let Some(due) = again {
            self.add(item, due);
        }
    }

    /// It has to be tried again: each time twice as long after.
    pub(super) fn failed(&mut self, item: Item, now: Instant) {
        let failures = self.failures.entry(item.clone()).or_default();
        let factor = 2_u32.saturating_pow(*failures);
        *failures = failures.saturating_add(1);
        let delay = CONTROLLER_RETRY_MIN.saturating_mul(factor);
        self.add(item, now + delay.min(CONTROLLER_RETRY_MAX));
    }

    /// When the first is due.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.line.keys().next().map(|(due, _)| *due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn item(name: &str) -> Item {
        Item {
            controller: 0,
            key: Key::new("pods", "default", name),
        }
    }

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    #[test]
    fn everything_stands_there_once_and_for_the_earliest_time() {
        let mut queue = Queue::default();
        queue.add(item("a"), at(9));
        queue.add(item("b"), at(5));
        queue.add(item("a"), at(5));
        queue.add(item("a"), at(7));
        assert_eq!(queue.next_deadline(), Some(at(5)));
        assert_eq!(queue.pop(at(4)), None);
        assert_eq!(queue.pop(at(5)), Some(item("b")));
        assert_eq!(queue.pop(at(5)), Some(item("a")));
        assert_eq!(queue.pop(at(100)), None);
    }

    #[test]
    fn what_fails_comes_again_later_each_time() {
        let mut queue = Queue::default();
        let mut now = Instant::ZERO;
        let mut delays = Vec::new();
        for _ in 0..20 {
            queue.failed(item("a"), now);
            let due = queue.next_deadline().unwrap();
            delays.push((due - now).as_millis());
            now = due;
            assert_eq!(queue.pop(now), Some(item("a")));
        }
        assert_eq!(delays[..4], [5, 10, 20, 40]);
        assert_eq!(delays[17..], [655_360, 1_000_000, 1_000_000]);
        queue.done(item("a"), None);
        queue.failed(item("a"), now);
        assert_eq!(queue.next_deadline(), Some(now + CONTROLLER_RETRY_MIN));
    }
}
