//! The managers of an object's fields, and their form in `metadata.managedFields`.

use super::set::{FieldSet, NoFields};
use super::typed::Comparison;
use crate::server::registry::Resource;
use seedpod_core::limits::UPDATE_MANAGERS_MAX;
use seedpod_core::time::WallTime;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How a manager has come by its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// Server-side apply.
    Apply,
    /// Anything else.
    Update,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// Who manages fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Manager {
    /// `fieldManager`
    pub(crate) name: String,
    pub(crate) operation: Operation,
    /// Empty for the object itself.
    pub(crate) subresource: String,
}

impl Manager {
    /// As a conflict names it.
    pub(super) fn describe(&self, version: &str) -> String {
        let mut text = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            text += &format!(" with subresource {:?}", self.subresource);
        }
        match self.operation {
            Operation::Apply => text,
            Operation::Update => format!("{text} using {version}"),
        }
    }
}

/// `managedFields` that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoManagers {
    #[error(
        "managedFields is no list of entries with operation Apply or Update and fieldsType FieldsV1"
    )]
    Entry,
    #[error(transparent)]
    Fields(#[from] NoFields),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Managed {
    fields: FieldSet,
    time: Option<String>,
}

/// All managers of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Managers(BTreeMap<Manager, Managed>);

/// Whether `managedFields` as a client writes it says: forget them all.
pub(super) fn is_reset(written: &Value) -> bool {
    let entries = written.as_array().map(Vec::as_slice);
    match entries {
        Some([]) => true,
        Some([entry]) => entry.as_object().is_some_and(serde_json::Map::is_empty),
        _ => false,
    }
}

impl Managers {
    /// Those that an object in the store names.
    pub(super) fn of(object: Option<&Value>, resource: &Resource) -> Self {
        let written = object.map(|object| &object["metadata"]["managedFields"]);
        let written = written.and_then(|written| Self::parse(written, resource).ok());
        written.unwrap_or_default()
    }

    /// Reads `managedFields`. Entries of versions that are not served are left out.
    pub(super) fn parse(written: &Value, resource: &Resource) -> Result<Self, NoManagers> {
        let mut all = BTreeMap::new();
        if written.is_null() {
            return Ok(Self(all));
        }
        let version = resource.api_version();
        for entry in written.as_array().ok_or(NoManagers::Entry)? {
            let text = |field: &str| entry[field].as_str().unwrap_or_default();
            let operation = match text("operation") {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return Err(NoManagers::Entry),
            };
            if text("fieldsType") != "FieldsV1" || text("apiVersion").is_empty() {
                return Err(NoManagers::Entry);
            }
            let fields = match entry.get("fieldsV1") {
                Some(fields) => FieldSet::parse(fields)?,
                None => FieldSet::default(),
            };
            if text("apiVersion") != version {
                continue;
            }
            let manager = Manager {
                name: text("manager").to_owned(),
                operation,
                subresource: text("subresource").to_owned(),
            };
            let time = entry["time"].as_str().map(str::to_owned);
            all.insert(manager, Managed { fields, time });
        }
        Ok(Self(all))
    }

    /// `managedFields`: applied first, then by time and name.
    pub(super) fn encode(&self, resource: &Resource) -> Value {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_key(|(manager, managed)| (manager.operation, &managed.time, *manager));
        let version = resource.api_version();
        let entries = all.into_iter().map(|(manager, managed)| {
            let mut entry = json!({
                "manager": manager.name, "operation": manager.operation.name(), "apiVersion": version,
                "fieldsType": "FieldsV1", "fieldsV1": managed.fields.encode(),
            });
            if let Some(time) = &managed.time {
                entry["time"] = time.as_str().into();
            }
            if !manager.subresource.is_empty() {
                entry["subresource"] = manager.subresource.as_str().into();
            }
            entry
        });
        entries.collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What anybody manages.
    pub(super) fn all(&self) -> FieldSet {
        let mut all = FieldSet::default();
        for managed in self.0.values() {
            all.union(&managed.fields);
        }
        all
    }

    /// Who but `me` loses fields to such a change, and which.
    pub(super) fn conflicts(
        &self,
        change: &Comparison,
        me: &Manager,
    ) -> BTreeMap<Manager, FieldSet> {
        let mut changed = change.modified.clone();
        changed.union(&change.added);
        let others = self.0.iter().filter(|(manager, _)| *manager != me);
        let lost = others
            .map(|(manager, managed)| (manager.clone(), managed.fields.intersection(&changed)));
        lost.filter(|(_, fields)| !fields.is_empty()).collect()
    }

    /// Takes the changed fields from all but one.
    pub(super) fn lose(&mut self, change: &Comparison, but: Option<&Manager>) {
        for (manager, managed) in &mut self.0 {
            if Some(manager) != but {
                managed.fields.subtract(&change.modified);
                managed.fields.subtract(&change.added);
                managed.fields.subtract(&change.removed);
            }
        }
        self.0.retain(|_, managed| !managed.fields.is_empty());
    }

    /// Gives fields to one.
    pub(super) fn gain(&mut self, manager: Manager, fields: &FieldSet, time: WallTime) {
        let managed = self.0.entry(manager).or_default();
        managed.fields.union(fields);
        managed.time = Some(time.to_string());
    }

    /// Gives one these fields and no others; what it had before.
    pub(super) fn replace(&mut self, manager: Manager, fields: FieldSet) -> Option<FieldSet> {
        let managed = self.0.entry(manager).or_default();
        let last = std::mem::replace(&mut managed.fields, fields);
        (!last.is_empty()).then_some(last)
    }

    /// Takes fields from one.
    pub(super) fn strip(&mut self, manager: &Manager, fields: &FieldSet) {
        if let Some(managed) = self.0.get_mut(manager) {
            managed.fields.subtract(fields);
            if managed.fields.is_empty() {
                self.0.remove(manager);
            }
        }
    }

    /// Notes that one has changed something.
    pub(super) fn touch(&mut self, manager: &Manager, time: WallTime) {
        if let Some(managed) = self.0.get_mut(manager) {
            managed.time = Some(time.to_string());
        }
    }

    /// Joins the oldest updaters into one when there are more than [`UPDATE_MANAGERS_MAX`].
    pub(super) fn cap(&mut self) {
        let updaters = self.0.iter();
        let updaters = updaters.filter(|(manager, _)| manager.operation == Operation::Update);
        let mut updaters: Vec<_> = updaters
            .map(|(manager, managed)| (managed.time.clone(), manager.clone()))
            .collect();
        updaters.sort();
        let ancient = Manager {
            name: "ancient-changes".to_owned(),
            operation: Operation::Update,
            subresource: String::new(),
        };
        // The bucket itself counts as one, once it is there.
        let mut excess = updaters.len().saturating_sub(UPDATE_MANAGERS_MAX);
        if excess > 0 && !self.0.contains_key(&ancient) {
            excess += 1;
        }
        let oldest = updaters
            .into_iter()
            .filter(|(_, manager)| *manager != ancient);
        for (_, manager) in oldest.take(excess) {
            let Some(managed) = self.0.remove(&manager) else {
                continue;
            };
            let bucket = self.0.entry(ancient.clone()).or_default();
            bucket.fields.union(&managed.fields);
            bucket.time = managed.time;
        }
    }
}
