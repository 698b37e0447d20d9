//! `watch`: a place in the changes of the store.

use super::selector::Selector;
use crate::server::error::ApiError;
use crate::server::registry::Resource;
use crate::server::request::{Answer, Request, ResourceTarget};
use crate::server::{Now, Server, object};
use bytes::Bytes;
use seedpod_core::store::{ChangeKind, Revision};
use serde_json::{Value, json};

/// One watch. It holds no changes, only its place among them, so a client that does not read costs nothing; one that
/// comes too late is told so.
#[derive(Debug)]
pub struct Watch {
    resource: &'static Resource,
    namespace: Option<String>,
    selector: Selector,
    cursor: Revision,
}

/// What there is to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchRead {
    /// Lines of JSON; empty when nothing has happened.
    pub bytes: Bytes,
    /// Whether the watch ends after that.
    pub is_over: bool,
}

pub(super) fn start(
    server: &Server,
    request: &Request,
    target: &ResourceTarget,
) -> Result<Answer, ApiError> {
    let cursor = match request.parameter("resourceVersion").as_deref() {
        None | Some("0") => 0,
        Some(text) => text
            .parse()
            .map_err(|_| ApiError::bad_request(format!("invalid resource version {text:?}")))?,
    };
    Ok(Answer::Watch(Box::new(Watch {
        resource: target.resource,
        namespace: target.namespace.clone(),
        selector: Selector::of_request(request)?,
        cursor: cursor.max(server.store.changes().oldest()),
    })))
}

pub(crate) fn read(server: &Server, _now: Now, watch: &mut Watch) -> WatchRead {
    let mut bytes = Vec::new();
    let changes = match server.store.changes().since(watch.cursor) {
        Ok(changes) => changes,
        Err(expired) => {
            let error = ApiError::expired(format!("too old resource version: {}", expired.0));
            push(&mut bytes, "ERROR", &error.status());
            return WatchRead {
                bytes: bytes.into(),
                is_over: true,
            };
        }
    };
    for change in changes {
        let is_mine = *change.key.resource == *watch.resource.name()
            && watch
                .namespace
                .as_deref()
                .is_none_or(|namespace| *change.key.namespace == *namespace);
        if !is_mine {
            continue;
        }
        let object = object::decode(&change.stored.value);
        if !watch.selector.selects(watch.resource, &object) {
            continue;
        }
        let kind = match change.kind {
            ChangeKind::Added => "ADDED",
            ChangeKind::Modified => "MODIFIED",
            ChangeKind::Deleted => "DELETED",
        };
        push(&mut bytes, kind, &object);
    }
    watch.cursor = server.store.revision();
    WatchRead {
        bytes: bytes.into(),
        is_over: false,
    }
}

fn push(bytes: &mut Vec<u8>, kind: &str, object: &Value) {
    let event = json!({"type": kind, "object": object});
    bytes.extend_from_slice(event.to_string().as_bytes());
    bytes.push(b'\n');
}
