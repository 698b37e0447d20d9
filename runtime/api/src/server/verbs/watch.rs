//! `watch`: a place in the changes of the store.

mod shared;

pub(crate) use shared::Shared;

use super::list_options::ListOptions;
use super::selector::Selector;
use crate::server::error::ApiError;
use crate::server::negotiate::{Accepted, Count, Encoding, Form};
use crate::server::registry::Resource;
use crate::server::request::{Answer, Request, ResourceTarget};
use crate::server::{Now, Server};
use bytes::Bytes;
use seedpod_core::limits::{LIST_CHUNK, WATCH_READ_BYTES};
use seedpod_core::store::{Change, ChangeKind, Key, Revision};
use seedpod_core::time::Instant;
use serde_json::{Value, json};
use shared::Event;
use std::time::Duration;

/// One watch. It holds no changes, only its place among them, so a client that does not read costs nothing; one that
/// comes too late is told so.
#[derive(Debug)]
pub struct Watch {
    resource: &'static Resource,
    namespace: Option<String>,
    selector: Selector,
    form: Form,
    /// The last change that has been told of.
    cursor: Revision,
    /// What was there at `cursor` and has not all been told yet.
    initial: Option<Initial>,
    /// To be told instead of anything else.
    error: Option<ApiError>,
    next_bookmark: Option<Instant>,
    deadline: Instant,
    has_columns: bool,
}

#[derive(Debug)]
struct Initial {
    after: Option<Key>,
}

/// What there is to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchRead {
    /// Lines of JSON; empty when there is nothing more for now.
    pub bytes: Bytes,
    /// Whether the watch ends after that.
    pub is_over: bool,
}

/// How often bookmarks come (`apiserver/pkg/storage/cacher`).
const BOOKMARK_EVERY: Duration = Duration::from_secs(60);
/// How long before its end a watch gets a last one.
const BOOKMARK_BEFORE_END: Duration = Duration::from_secs(2);
/// How long a watch lasts at least and at most less than twice (`--min-request-timeout`).
const TIMEOUT_MIN: Duration = Duration::from_secs(1800);

impl Watch {
    /// When to read on although nothing has changed.
    pub fn next_deadline(&self) -> Instant {
        let bookmark = self.next_bookmark.unwrap_or(self.deadline);
        bookmark.min(self.deadline)
    }

    /// `Content-Type` of the response.
    pub fn content_type(&self) -> &'static str {
        "application/json"
    }
}

pub(super) fn start(
    server: &mut Server,
    request: &Request,
    target: &ResourceTarget,
) -> Result<Answer, ApiError> {
    let accepted = Accepted::of_request(request, Count::One)?;
    if accepted.encoding == Encoding::Yaml {
        return Err(ApiError::not_acceptable(&["application/json;stream=watch"]));
    }
    let resource = target.resource;
    let options = ListOptions::of_watch(request)?;
    let mut selector = Selector::of_request(request, resource)?;
    if let Some(name) = &target.name {
        selector = selector.of_name(name)?;
    }
    let wanted = options
        .revision()
        .map_err(|error| ApiError::invalid_kind(resource.group, resource.plural, "", &[error]))?;
    let now = server.revision();
    let has_initial = options.send_initial_events == Some(true);
    let is_too_new = has_initial && wanted > now;
    let timeout = match options.timeout_seconds {
        Some(seconds) => Duration::from_secs(seconds),
        None => TIMEOUT_MIN + TIMEOUT_MIN.mul_f64(server.rng.below(1000) as f64 / 1000.0),
    };
    let deadline = server.now.instant + timeout;
    let mut watch = Watch {
        resource,
        namespace: target.namespace.clone(),
        selector,
        form: accepted.form,
        cursor: match options.send_initial_events {
            Some(true) => now,
            Some(false) if wanted == 0 => now,
            Some(false) | None => wanted,
        },
        initial: has_initial.then_some(Initial { after: None }),
        error: is_too_new.then(|| ApiError::too_new(wanted, now)),
        next_bookmark: options.has_bookmarks.then_some(deadline),
        deadline,
        has_columns: matches!(accepted.form, Form::Table(..)),
    };
    watch.plan_bookmark(server.now.instant);
    Ok(Answer::Watch(Box::new(watch)))
}

/// Events on their way out.
#[derive(Default)]
struct Output {
    events: Vec<Bytes>,
    bytes: usize,
}

impl Output {
    fn push(&mut self, event: Bytes) {
        self.bytes += event.len();
        self.events.push(event);
    }

    fn is_full(&self) -> bool {
        self.bytes >= WATCH_READ_BYTES
    }

    fn finish(self, is_over: bool) -> WatchRead {
        let bytes = match <[Bytes; 1]>::try_from(self.events) {
            Ok([one]) => one,
            Err(events) => events.concat().into(),
        };
        WatchRead { bytes, is_over }
    }
}

pub(crate) fn read(server: &mut Server, now: Now, watch: &mut Watch) -> WatchRead {
    server.now = now;
    let mut output = Output::default();
    let told = match watch.error.take() {
        Some(error) => Err(error),
        None => watch.read_on(server, &mut output),
    };
    if let Err(error) = told {
        let event = json!({"type": "ERROR", "object": error.status()});
        output.push(format!("{event}\n").into());
        return output.finish(true);
    }
    output.finish(now.instant >= watch.deadline)
}

impl Watch {
    fn read_on(&mut self, server: &mut Server, output: &mut Output) -> Result<(), ApiError> {
        self.read_initial(server, output)?;
        if self.initial.is_none() && !output.is_full() {
            self.read_changes(server, output)?;
        }
        let is_behind = self.initial.is_some() || self.cursor < server.revision();
        let now = server.now.instant;
        if !is_behind && self.next_bookmark.is_some_and(|due| due <= now) {
            let bookmark = self.bookmark(server, false);
            output.push(bookmark);
            self.plan_bookmark(now);
        }
        Ok(())
    }

    /// Roughly every minute, and once more right before the end.
    fn plan_bookmark(&mut self, now: Instant) {
        let Some(next) = &mut self.next_bookmark else {
            return;
        };
        let end = self.deadline.saturating_since(now);
        let last = end.saturating_sub(BOOKMARK_BEFORE_END);
        let delay = match last > Duration::ZERO {
            true => last.min(BOOKMARK_EVERY),
            false => end + BOOKMARK_EVERY,
        };
        *next = now + delay;
    }

    fn expired(&self, server: &Server) -> ApiError {
        let oldest = server.store.changes().oldest();
        ApiError::expired(format!(
            "too old resource version: {} ({oldest})",
            self.cursor
        ))
    }

    fn read_initial(&mut self, server: &mut Server, output: &mut Output) -> Result<(), ApiError> {
        while let Some(initial) = &mut self.initial {
            if output.is_full() {
                return Ok(());
            }
            let (name, namespace) = (self.resource.name(), self.namespace.as_deref());
            let after = initial.after.take();
            let chunk =
                server
                    .store
                    .list_at(self.cursor, name, namespace, after.as_ref(), LIST_CHUNK);
            let Ok((chunk, mut remaining)) = chunk else {
                return Err(self.expired(server));
            };
            let mut chunk = chunk.into_iter();
            let mut last = None;
            for (key, stored) in chunk.by_ref() {
                if self.selector.selects_stored(&key, &stored.value) {
                    let event = self.encode(server, Event::Added, &stored.value);
                    output.push(event);
                }
                last = Some(key);
                if output.is_full() {
                    break;
                }
            }
            remaining += chunk.len();
            if remaining > 0 {
                self.initial = Some(Initial { after: last });
                continue;
            }
            self.initial = None;
            if self.next_bookmark.is_some() {
                let bookmark = self.bookmark(server, true);
                output.push(bookmark);
            }
        }
        Ok(())
    }

    fn read_changes(&mut self, server: &mut Server, output: &mut Output) -> Result<(), ApiError> {
        let Ok(changes) = server.store.changes().since(self.cursor) else {
            return Err(self.expired(server));
        };
        // The changes are shared buffers: to have them costs nothing, and the server is free again.
        let mut mine = Vec::new();
        let mut bytes = 0;
        let mut end = self.cursor.max(server.revision());
        for change in changes {
            if !self.is_mine(change) {
                continue;
            }
            if let Some(event) = self.event_of(change) {
                mine.push((change.clone(), event));
                bytes += change.stored.value.len();
            }
            if output.bytes + bytes >= WATCH_READ_BYTES {
                end = change.stored.revision;
                break;
            }
        }
        for (change, event) in mine {
            let line = self.shared(server, &change, event);
            output.push(line);
        }
        self.cursor = end;
        Ok(())
    }

    fn is_mine(&self, change: &Change) -> bool {
        let key = &change.key;
        let namespace = self.namespace.as_deref();
        *key.resource == *self.resource.name()
            && namespace.is_none_or(|namespace| *key.namespace == *namespace)
    }

    /// What a change is to somebody who sees only what is selected.
    fn event_of(&self, change: &Change) -> Option<Event> {
        let selects = |json: &[u8]| self.selector.selects_stored(&change.key, json);
        let before = change.previous.as_ref();
        let was_seen = before.is_some_and(|stored| selects(&stored.value));
        let is_seen = change.kind != ChangeKind::Deleted && selects(&change.stored.value);
        match (was_seen, is_seen) {
            (false, true) => Some(Event::Added),
            (true, true) => Some(Event::Modified),
            (true, false) => Some(Event::Deleted),
            (false, false) => None,
        }
    }

    fn bookmark(&mut self, server: &mut Server, ends_initial_events: bool) -> Bytes {
        let mut object = json!({
            "kind": self.resource.kind, "apiVersion": self.resource.api_version(),
            "metadata": {"resourceVersion": self.cursor.to_string()},
        });
        if ends_initial_events {
            object["metadata"]["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let json: Vec<u8> = Value::to_string(&object).into();
        self.encode(server, Event::Bookmark, &json)
    }
}
