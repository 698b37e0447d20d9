//! Events: what happened to an object, as objects of their own (`client-go/tools/record`, `--event-ttl`).

use crate::server::registry::{EVENTS, NAMESPACES};
use crate::server::verbs::Options;
use crate::server::{Server, object};
use seedpod_core::hash::fnv1a;
use seedpod_core::limits::EVENTS_STORED_MAX;
use seedpod_core::pod::event_log::CountedEvent;
use seedpod_core::pod::{EventReason, EventType, PodEvent};
use seedpod_core::store::{Expected, Key};
use seedpod_core::time::{Instant, WallTime};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long an Event is kept after it happened last.
const KEPT_FOR: Duration = Duration::from_secs(60 * 60);

/// `type` of an Event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// As it should be.
    Normal,
    /// Worth a look.
    Warning,
}

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventSource {
    /// The kubelet of our node.
    Kubelet,
    /// The scheduler.
    Scheduler,
    /// `deployment-controller` and so on.
    Controller(&'static str),
}

/// Which Events there are, and until when.
#[derive(Debug, Default)]
pub(super) struct Kept {
    due: BTreeSet<(Instant, Key)>,
    until: BTreeMap<Key, Instant>,
    /// By a hash of what they say, where it is not the log of a pod that counts.
    same: BTreeMap<u64, Key>,
    /// The last part of a name that was given.
    last_name: u64,
}

impl Kept {
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    fn keep(&mut self, key: &Key, until: Instant) {
        self.forget(key);
        self.due.insert((until, key.clone()));
        self.until.insert(key.clone(), until);
    }

    fn forget(&mut self, key: &Key) {
        if let Some(until) = self.until.remove(key) {
            self.due.remove(&(until, key.clone()));
        }
    }
}

/// An Event that has come, is another, or is gone.
pub(super) fn changed(server: &mut Server, key: &Key, is_gone: bool) {
    let until = server.now.instant + KEPT_FOR;
    let kept = &mut server.kubelet.events;
    match is_gone {
        true => kept.forget(key),
        false => kept.keep(key, until),
    }
}

/// After a start: those of before have as long as they have.
pub(super) fn look_at_all(server: &mut Server) {
    let now = server.now;
    let all = server.objects(&EVENTS, None);
    for event in all {
        let key = EVENTS.key(object::namespace(&event), object::name(&event));
        let times = [
            &event["lastTimestamp"],
            &event["series"]["lastObservedTime"],
            &event["eventTime"],
            &event["metadata"]["creationTimestamp"],
        ];
        let mut times = times
            .iter()
            .filter_map(|time| time.as_str()?.parse::<WallTime>().ok());
        let last = times.next().unwrap_or(now.wall);
        let age = now
            .wall
            .as_unix_nanos()
            .saturating_sub(last.as_unix_nanos());
        let left = KEPT_FOR.saturating_sub(Duration::from_nanos(age));
        server.kubelet.events.keep(&key, now.instant + left);
    }
}

/// Takes those out of the store whose time is over, and the oldest when there are too many.
pub(super) fn expire(server: &mut Server) {
    let now = server.now.instant;
    loop {
        let kept = &server.kubelet.events;
        let is_full = kept.due.len() > EVENTS_STORED_MAX;
        let Some((due, key)) = kept.due.first() else {
            return;
        };
        if *due > now && !is_full {
            return;
        }
        let key = key.clone();
        server.kubelet.events.forget(&key);
        if let Some(event) = server.object(&EVENTS, &key.namespace, &key.name) {
            // It is there, and nobody asks what it was.
            drop(server.remove(&EVENTS, &event));
        }
    }
}

/// A pod of the world says something.
pub(super) fn of_pod(server: &mut Server, uid: &str, event: PodEvent) {
    let now = server.now.instant;
    let Some(running) = server.kubelet.pods.get_mut(uid) else {
        return;
    };
    let is_scheduled = event.reason == EventReason::Scheduled;
    if is_scheduled && !std::mem::take(&mut running.is_new_here) {
        return;
    }
    let (namespace, name) = running.full_name();
    let path = event
        .container
        .and_then(|one| one.field_path(&running.spec));
    let Some(counted) = running.events.add(event, now).cloned() else {
        return;
    };
    let about = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "uid": uid},
    });
    let mut involved = involved(&about);
    if let Some(path) = path {
        involved["fieldPath"] = path.into();
    }
    let source = match is_scheduled {
        true => EventSource::Scheduler,
        false => EventSource::Kubelet,
    };
    put_counted(server, &involved, source, &counted);
}

/// The kubelet itself says something of a pod that the world has.
pub(super) fn of_kubelet(server: &mut Server, uid: &str, reason: &str, message: &str) {
    let Some(running) = server.kubelet.pods.get_mut(uid) else {
        return;
    };
    let (namespace, name) = running.full_name();
    let about = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "uid": uid},
    });
    let (kind, source) = (EventKind::Warning, EventSource::Kubelet);
    server.record_event(&about, source, kind, reason, message);
}

impl Server {
    /// Says that something happened to an object. The same again only counts.
    pub(crate) fn record_event(
        &mut self,
        about: &Value,
        source: EventSource,
        kind: EventKind,
        reason: &str,
        message: &str,
    ) {
        let involved = involved(about);
        let said = format!("{involved}{source:?}{kind:?}{reason}\u{0}{message}");
        let hash = fnv1a(said.bytes());
        let known = self.kubelet.events.same.get(&hash).cloned();
        let known = known.and_then(|key| self.object(&EVENTS, &key.namespace, &key.name));
        let now = self.now.wall;
        let event = match known {
            Some(mut event) => {
                count_again(&mut event, now);
                event
            }
            None => {
                let base = now.as_unix_nanos();
                let last = base.max(self.kubelet.events.last_name.saturating_add(1));
                self.kubelet.events.last_name = last;
                let name = format!("{}.{last:x}", object::name(about));
                let words = Words {
                    kind,
                    reason,
                    message,
                };
                self.new_event(&name, &involved, source, &words, now)
            }
        };
        let key = EVENTS.key(object::namespace(&event), object::name(&event));
        put(self, event);
        let same = &mut self.kubelet.events.same;
        if same.len() >= EVENTS_STORED_MAX {
            same.clear();
        }
        same.insert(hash, key);
    }

    fn new_event(
        &mut self,
        name: &str,
        involved: &Value,
        source: EventSource,
        words: &Words<'_>,
        first: WallTime,
    ) -> Value {
        let node = self.settings.node_name.clone();
        let namespace = match object::text(involved, "namespace") {
            "" => "default",
            namespace => namespace,
        };
        let mut event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"namespace": namespace, "name": name, "uid": self.uid(), "creationTimestamp": self.now.wall.to_string()},
            "involvedObject": involved, "reason": words.reason, "message": words.message,
            "type": match words.kind { EventKind::Normal => "Normal", EventKind::Warning => "Warning" },
        });
        let component = match source {
            EventSource::Kubelet => "kubelet",
            EventSource::Scheduler => "default-scheduler",
            EventSource::Controller(name) => name,
        };
        event["reportingComponent"] = component.into();
        if source == EventSource::Scheduler {
            event["source"] = json!({});
            event["reportingInstance"] = format!("default-scheduler-{node}").into();
            event["action"] = match words.reason {
                "Scheduled" => "Binding",
                _ => "Scheduling",
            }
            .into();
            event["eventTime"] = first.to_micros().into();
            event["firstTimestamp"] = Value::Null;
            event["lastTimestamp"] = Value::Null;
            return event;
        }
        event["source"] = json!({ "component": component });
        event["reportingInstance"] = "".into();
        if source == EventSource::Kubelet {
            event["source"]["host"] = node.clone().into();
            event["reportingInstance"] = node.into();
        }
        event["eventTime"] = Value::Null;
        event["firstTimestamp"] = first.to_string().into();
        event["lastTimestamp"] = self.now.wall.to_string().into();
        event["count"] = 1.into();
        event
    }
}

/// What an Event says.
struct Words<'w> {
    kind: EventKind,
    reason: &'w str,
    message: &'w str,
}

/// The log of a pod has counted already.
fn put_counted(server: &mut Server, involved: &Value, source: EventSource, counted: &CountedEvent) {
    let since = server.now.instant.saturating_since(counted.first);
    let nanos = server.now.wall.as_unix_nanos();
    let first = nanos.saturating_sub(u64::try_from(since.as_nanos()).unwrap_or_default());
    let first = WallTime::from_unix_nanos(first);
    // Later ones have a greater number, so that two that come at once have different names.
    let number = counted.first.as_nanos().saturating_add(counted.number);
    let epoch = nanos.saturating_sub(server.now.instant.as_nanos());
    let name = object::text(involved, "name");
    let name = format!("{name}.{:x}", epoch.saturating_add(number));
    let namespace = object::text(involved, "namespace");
    let event = match server.object(&EVENTS, namespace, &name) {
        Some(mut event) => {
            event["message"] = counted.event.message.clone().into();
            event["count"] = counted.count.into();
            event["lastTimestamp"] = server.now.wall.to_string().into();
            event
        }
        None => {
            let reason = counted.event.reason.to_string();
            let words = Words {
                kind: match counted.event.type_ {
                    EventType::Normal => EventKind::Normal,
                    EventType::Warning => EventKind::Warning,
                },
                reason: &reason,
                message: &counted.event.message,
            };
            let mut event = server.new_event(&name, involved, source, &words, first);
            if source == EventSource::Kubelet {
                event["count"] = counted.count.into();
            }
            event
        }
    };
    put(server, event);
}

fn count_again(event: &mut Value, now: WallTime) {
    if event["firstTimestamp"].is_null() {
        let count = event["series"]["count"].as_u64().unwrap_or(1) + 1;
        event["series"] = json!({"count": count, "lastObservedTime": now.to_micros()});
        return;
    }
    let count = event["count"].as_u64().unwrap_or(1) + 1;
    event["count"] = count.into();
    event["lastTimestamp"] = now.to_string().into();
}

/// Nothing new is written into a namespace that is to go.
fn put(server: &mut Server, event: Value) {
    let namespace = object::namespace(&event).to_owned();
    let is_going = server
        .object(&NAMESPACES, "", &namespace)
        .is_some_and(|namespace| object::is_deleted(&namespace));
    let key = EVENTS.key(&namespace, object::name(&event));
    let expected = match server.store.get(&key) {
        Some(stored) => Expected::Revision(stored.revision),
        None if is_going => return,
        None => Expected::Nothing,
    };
    // A store that is full has no room for what happened either.
    drop(server.store_object(&EVENTS, event, expected, &Options::of("")));
}

fn involved(about: &Value) -> Value {
    let mut involved = json!({"apiVersion": about["apiVersion"], "kind": about["kind"]});
    for field in ["namespace", "name", "uid", "resourceVersion"] {
        if let Some(value) = about["metadata"].get(field) {
            involved[field] = value.clone();
        }
    }
    involved
}
