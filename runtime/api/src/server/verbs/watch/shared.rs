//! Events of watches as lines, encoded once for all watches that want the same.

use super::Watch;
use crate::server::negotiate::Form;
use crate::server::table::Table;
use crate::server::verbs::read::push_metadata;
use crate::server::{Server, encode, object};
use bytes::Bytes;
use seedpod_core::limits::WATCH_SHARED_BYTES;
use seedpod_core::store::{Change, ChangeKind, Revision};
use serde_json::json;
use std::collections::BTreeMap;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    Added,
    Modified,
    Deleted,
    Bookmark,
}

impl Event {
    fn word(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
            Self::Bookmark => "BOOKMARK",
        }
    }
}

/// What a line depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    revision: Revision,
    event: Event,
    form: Form,
    has_columns: bool,
    /// Of ages in tables.
    second: u64,
}

/// Lines of the last changes: at most [`WATCH_SHARED_BYTES`], the newest.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    lines: BTreeMap<Key, Bytes>,
    bytes: usize,
}

impl Shared {
    fn insert(&mut self, key: Key, line: Bytes) {
        self.bytes += line.len();
        self.lines.insert(key, line);
        while self.bytes > WATCH_SHARED_BYTES {
            let Some((_, oldest)) = self.lines.pop_first() else {
                return;
            };
            self.bytes -= oldest.len();
        }
    }
}

impl Watch {
    /// The line of a change.
    pub(super) fn shared(&mut self, server: &mut Server, change: &Change, event: Event) -> Bytes {
        let is_table = matches!(self.form, Form::Table(..));
        let seconds = server.now.wall.as_unix_nanos() / 1_000_000_000;
        let key = Key {
            revision: change.stored.revision,
            event,
            form: self.form,
            has_columns: self.has_columns,
            second: if is_table { seconds } else { 0 },
        };
        if let Some(line) = server.shared.lines.get(&key) {
            let line = line.clone();
            self.has_columns = false;
            return line;
        }
        // What a watch no longer sees is told as it was when it last was seen, with the revision of the change.
        let left = event == Event::Deleted && change.kind != ChangeKind::Deleted;
        let last = change.previous.as_ref().filter(|_| left);
        let last = last.map(|stored| {
            let mut last = object::decode(&stored.value);
            encode(&mut last, change.stored.revision)
        });
        let json = last.as_ref().unwrap_or(&change.stored.value);
        let line = self.encode(server, event, json);
        server.shared.insert(key, line.clone());
        line
    }

    /// The line of an encoded object.
    pub(super) fn encode(&mut self, server: &Server, event: Event, json: &[u8]) -> Bytes {
        let mut line = format!(r#"{{"type":"{}","object":"#, event.word()).into_bytes();
        match self.form {
            Form::Plain => line.extend_from_slice(json),
            Form::Metadata(version) => push_metadata(&mut line, version, json),
            Form::Table(version, include) => {
                let object = object::decode(json);
                let mut table = Table::new(self.resource, version, include, server.now.wall);
                if !std::mem::take(&mut self.has_columns) {
                    table = table.without_columns();
                }
                let revision = &object["metadata"]["resourceVersion"];
                table.metadata = json!({"resourceVersion": revision});
                table.push(object);
                line.extend_from_slice(table.into_value().to_string().as_bytes());
            }
        }
        line.extend_from_slice(b"}\n");
        line.into()
    }
}
