//! What is kept of the events of a pod: the same one again only counts, many similar ones become one, and who has too
//! much to say is not heard (client-go `events_cache.go`, and the apiserver's `--event-ttl`).

use super::event::{EventReason, EventType, PodEvent};
use crate::limits::EVENTS_KEPT;
use crate::time::Instant;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// One event, as often as it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedEvent {
    /// Which of the events of the pod it is, from 0, also of those that are no longer kept.
    pub number: u64,
    /// What happened.
    pub event: PodEvent,
    /// How often.
    pub count: u32,
    /// When for the first time: `firstTimestamp`.
    pub first: Instant,
    /// When last: `lastTimestamp`.
    pub last: Instant,
}

/// The events of one pod. At most [`EVENTS_KEPT`], each for an hour after it happened last.
#[derive(Debug, Default)]
pub struct EventLog {
    /// Those that happened last at the end.
    entries: VecDeque<Entry>,
    /// At most one for each type and reason.
    similar: Vec<Similar>,
    scheduler: Option<Bucket>,
    kubelet: Option<Bucket>,
    /// Different events so far.
    count: u64,
}

#[derive(Debug)]
struct Entry {
    /// Whether it stands for many different texts.
    is_combined: bool,
    heard: CountedEvent,
    /// As it was when its speaker was listened to last.
    shown: Option<CountedEvent>,
}

/// Different texts of the same type and reason.
#[derive(Debug)]
struct Similar {
    key: (EventType, EventReason),
    messages: BTreeSet<String>,
    last: Instant,
}

/// What a speaker may still say.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: u32,
    /// When the last token came in.
    filled: Instant,
}

/// How long an event is kept.
const RETENTION: Duration = Duration::from_secs(60 * 60);
/// Different texts within [`SIMILAR_SPAN`] of each other from which on they are combined.
const SIMILAR_MAX: usize = 10;
const SIMILAR_SPAN: Duration = Duration::from_secs(600);
/// Events that one speaker may report at once.
const BURST: u32 = 25;
/// Time after which it may report one more.
const REFILL: Duration = Duration::from_secs(300);

impl EventLog {
    /// Something happened. Returns what is shown of it; `None` when its speaker has said too much.
    pub fn add(&mut self, mut event: PodEvent, now: Instant) -> Option<&CountedEvent> {
        self.forget(now);
        let bucket = match event.reason == EventReason::Scheduled {
            true => &mut self.scheduler,
            false => &mut self.kubelet,
        };
        let is_heard = bucket.get_or_insert(Bucket::full(now)).take(now);
        let is_combined = self.is_one_of_many(&event, now);
        if is_combined {
            event.message = format!("(combined from similar events): {}", event.message);
        }
        let is_same = |entry: &Entry| {
            let known = &entry.heard.event;
            match is_combined {
                true => {
                    entry.is_combined && (known.type_, known.reason) == (event.type_, event.reason)
                }
                false => *known == event,
            }
        };
        let known = self.entries.iter().position(is_same);
        let mut entry = match known.and_then(|index| self.entries.remove(index)) {
            Some(entry) => entry,
            None => {
                self.count += 1;
                Entry::new(self.count - 1, event.clone(), is_combined, now)
            }
        };
        entry.heard.event = event;
        entry.heard.count = entry.heard.count.saturating_add(1);
        entry.heard.last = now;
        if is_heard {
            entry.shown = Some(entry.heard.clone());
        }
        self.entries.push_back(entry);
        if self.entries.len() > EVENTS_KEPT {
            self.entries.pop_front();
        }
        let last = self.entries.back();
        last.filter(|_| is_heard)
            .and_then(|entry| entry.shown.as_ref())
    }

    /// What is kept at `now`; what happened last comes last.
    pub fn events(&self, now: Instant) -> impl Iterator<Item = &CountedEvent> {
        let shown = self.entries.iter().filter_map(|entry| entry.shown.as_ref());
        shown.filter(move |event| now.saturating_since(event.last) < RETENTION)
    }

    fn forget(&mut self, now: Instant) {
        let is_old = |entry: &Entry| RETENTION <= now.saturating_since(entry.heard.last);
        while self.entries.front().is_some_and(is_old) {
            self.entries.pop_front();
        }
    }

    fn is_one_of_many(&mut self, event: &PodEvent, now: Instant) -> bool {
        let key = (event.type_, event.reason);
        self.similar
            .retain(|similar| now.saturating_since(similar.last) <= SIMILAR_SPAN);
        let index = self.similar.iter().position(|similar| similar.key == key);
        let index = index.unwrap_or_else(|| {
            self.similar.push(Similar {
                key,
                messages: BTreeSet::new(),
                last: now,
            });
            self.similar.len() - 1
        });
        let similar = &mut self.similar[index];
        similar.last = now;
        similar.messages.insert(event.message.clone());
        if similar.messages.len() < SIMILAR_MAX {
            return false;
        }
        similar.messages.pop_first();
        true
    }
}

impl Entry {
    fn new(number: u64, event: PodEvent, is_combined: bool, now: Instant) -> Self {
        let heard = CountedEvent {
            number,
            event,
            count: 0,
            first: now,
            last: now,
        };
        Self {
            is_combined,
            heard,
            shown: None,
        }
    }
}

impl Bucket {
    fn full(now: Instant) -> Self {
        Self {
            tokens: BURST,
            filled: now,
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        while self.tokens < BURST && self.filled + REFILL <= now {
            self.tokens += 1;
            self.filled += REFILL;
        }
        if self.tokens == BURST {
            self.filled = now;
        }
        let is_left = self.tokens > 0;
        self.tokens -= u32::from(is_left);
        is_left
    }
}

#[cfg(test)]
#[expect(
    clippy::needless_pass_by_value,
    reason = "`expect!` makes a value that nobody else wants"
)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use std::fmt::Write;

    /// Events as `seconds message`, one per line of the result: `count message first..last`.
    fn check(events: impl IntoIterator<Item = (u64, String)>, shown_at: u64, expect: Expect) {
        let mut log = EventLog::default();
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let mut unheard = 0;
        for (seconds, message) in events {
            let event = PodEvent {
                type_: EventType::Warning,
                reason: EventReason::BackOff,
                message,
                container: None,
            };
            unheard += u32::from(log.add(event, at(seconds)).is_none());
        }
        let mut text = String::new();
        for CountedEvent {
            event,
            count,
            first,
            last,
            ..
        } in log.events(at(shown_at))
        {
            writeln!(text, "{count} {} {first}..{last}", event.message).unwrap();
        }
        writeln!(text, "unheard: {unheard}").unwrap();
        expect.assert_eq(&text);
    }

    #[test]
    fn the_same_again_counts() {
        let same = |seconds| (seconds, "a".to_owned());
        let events = [same(1), (2, "b".to_owned()), same(3), same(9)];
        check(
            events,
            9,
            expect![[r#"
            1 b 2.000000000s..2.000000000s
            3 a 1.000000000s..9.000000000s
            unheard: 0
        "#]],
        );
    }

    #[test]
    fn many_similar_ones_become_one() {
        let events = |seconds: u64| (0..12_u64).map(move |n| (n * seconds, format!("text {n}")));
        check(
            events(1),
            20,
            expect![[r#"
            1 text 0 0.000000000s..0.000000000s
            1 text 1 1.000000000s..1.000000000s
            1 text 2 2.000000000s..2.000000000s
            1 text 3 3.000000000s..3.000000000s
            1 text 4 4.000000000s..4.000000000s
            1 text 5 5.000000000s..5.000000000s
            1 text 6 6.000000000s..6.000000000s
            1 text 7 7.000000000s..7.000000000s
            1 text 8 8.000000000s..8.000000000s
            3 (combined from similar events): text 11 9.000000000s..11.000000000s
            unheard: 0
        "#]],
        );
        check(
            events(601),
            3600,
            expect![[r#"
            1 text 6 3606.000000000s..3606.000000000s
            1 text 7 4207.000000000s..4207.000000000s
            1 text 8 4808.000000000s..4808.000000000s
            1 text 9 5409.000000000s..5409.000000000s
            1 text 10 6010.000000000s..6010.000000000s
            1 text 11 6611.000000000s..6611.000000000s
            unheard: 0
        "#]],
        );
    }

    #[test]
    fn who_talks_too_much_is_not_heard_and_then_counted() {
        let events = (0..40_u64).map(|n| (n, "a".to_owned()));
        check(
            events.clone(),
            40,
            expect![[r#"
            25 a 0.000000000s..24.000000000s
            unheard: 15
        "#]],
        );
        check(
            events.chain([(330, "a".to_owned())]),
            330,
            expect![[r#"
            41 a 0.000000000s..330.000000000s
            unheard: 15
        "#]],
        );
    }

    #[test]
    fn an_hour_later_it_is_forgotten() {
        let event = || [(5, "a".to_owned())];
        check(
            event(),
            3604,
            expect![[r#"
            1 a 5.000000000s..5.000000000s
            unheard: 0
        "#]],
        );
        check(
            event(),
            3605,
            expect![[r#"
            unheard: 0
        "#]],
        );
        check(
            event().into_iter().chain([(3605, "a".to_owned())]),
            3606,
            expect![[r#"
                1 a 3605.000000000s..3605.000000000s
                unheard: 0
            "#]],
        );
    }

    #[test]
    fn the_number_is_bounded() {
        let mut log = EventLog::default();
        for n in 0..3000_u64 {
            let event = PodEvent {
                type_: EventType::Normal,
                reason: EventReason::Pulled,
                message: n.to_string(),
                container: None,
            };
            log.add(event, Instant::ZERO + Duration::from_secs(n * 700));
        }
        assert!(log.entries.len() <= EVENTS_KEPT && log.similar.len() <= 1);
    }
}
