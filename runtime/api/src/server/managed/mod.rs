//! Who set which field: `metadata.managedFields`, and server-side apply.
//!
//! Every write goes through [`track`] or [`apply`]. The rules are those of Kubernetes' `managedfields` and of
//! `structured-merge-diff`, for objects that have one version each: [`set`] has the sets of fields, [`typed`] what the
//! schema says of objects and their fields, [`managers`] who has them.

mod check;
pub(crate) mod managers;
pub(crate) mod set;
#[cfg(test)]
mod tests;
pub(crate) mod typed;

use super::error::ApiError;
use super::registry::Resource;
use super::schema::Type;
use managers::{Manager, Managers, Operation};
use seedpod_core::limits::ANNOTATION_BYTES_MAX;
use seedpod_core::time::WallTime;
use serde_json::{Map, Value};
use set::{FieldSet, display};
use std::collections::BTreeMap;
use typed::Comparison;

/// What `kubectl apply` without `--server-side` keeps.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Who writes what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writer<'w> {
    /// `fieldManager`
    pub(crate) manager: &'w str,
    /// Empty for the object itself.
    pub(crate) subresource: &'w str,
    /// What kind of objects.
    pub(crate) resource: &'w Resource,
    /// Now.
    pub(crate) time: WallTime,
}

impl Writer<'_> {
    fn manager(&self, operation: Operation) -> Manager {
        let name = match self.manager {
            "" => "unknown",
            name => name,
        };
        Manager {
            name: name.to_owned(),
            operation,
            subresource: self.subresource.to_owned(),
        }
    }

    fn ty(&self) -> Option<Type> {
        Type::of(
            self.resource.group,
            self.resource.version,
            self.resource.kind,
        )
    }

    /// Fields that a write of this subresource cannot change (`GetResetFields`).
    fn ignored(&self) -> FieldSet {
        let none = FieldSet::default();
        match (self.subresource, self.resource.name()) {
            ("status", "pods") => none
                .with(&["spec"])
                .with(&["metadata", "deletionTimestamp"])
                .with(&["metadata", "ownerReferences"]),
            ("status", "deployments.apps") => none.with(&["spec"]).with(&["metadata", "labels"]),
            ("status", _) => none.with(&["spec"]),
            _ if self.resource.subresources.contains(&"status") => none.with(&["status"]),
            _ => none,
        }
    }
}

/// Fields that nobody manages.
fn unmanaged() -> FieldSet {
    const META: &[&str] = &[
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let fields = FieldSet::default();
    let fields = fields
        .with(&["apiVersion"])
        .with(&["kind"])
        .with(&["metadata"]);
    META.iter()
        .fold(fields, |fields, field| fields.with(&["metadata", field]))
}

/// Notes in `new` who has set which of its fields, after a create, an update or a patch.
pub(crate) fn track(old: Option<&Value>, new: &mut Value, writer: &Writer<'_>) {
    let written = take_managed_fields(new);
    let mut managers = match &written {
        Some(written) if writer.subresource.is_empty() => {
            if managers::is_reset(written) {
                Managers::default()
            } else {
                let written = Managers::parse(written, writer.resource).unwrap_or_default();
                match written.is_empty() {
                    true => Managers::of(old, writer.resource),
                    false => written,
                }
            }
        }
        _ => Managers::of(old, writer.resource),
    };
    // What was not tracked from the beginning is not tracked until somebody applies.
    if !managers.is_empty() || old.is_none() {
        note_update(&mut managers, old, new, writer);
    }
    set_managed_fields(new, &managers, writer.resource);
}

fn note_update(managers: &mut Managers, old: Option<&Value>, new: &Value, writer: &Writer<'_>) {
    let empty = Value::Object(Map::new());
    let comparison = Comparison::of(old.unwrap_or(&empty), new, writer.ty());
    let comparison = comparison.without(&writer.ignored());
    managers.lose(&comparison, None);
    let mut mine = comparison.modified;
    mine.union(&comparison.added);
    mine.subtract(&unmanaged());
    if !mine.is_empty() {
        managers.gain(writer.manager(Operation::Update), &mine, writer.time);
        managers.cap();
    }
}

/// `live` with a configuration over it, and without what its manager has applied before and does not apply now.
///
/// # Errors
/// When it is no configuration, or sets fields of others to something else and does not `force` that.
pub(crate) fn apply(
    live: Option<&Value>,
    config: &Value,
    writer: &Writer<'_>,
    force: bool,
) -> Result<Value, ApiError> {
    let errors = check::check(config, writer.ty());
    if !errors.is_empty() {
        return Err(untyped(config, writer, &errors));
    }
    let mut managers = Managers::of(live, writer.resource);
    if managers.is_empty()
        && let Some(live) = live
    {
        let before = Writer {
            manager: "before-first-apply",
            ..*writer
        };
        note_update(&mut managers, None, live, &before);
    }
    let empty = Value::Object(Map::new());
    let live = live.unwrap_or(&empty);
    let applied = match merge(live, config, managers.clone(), writer, force) {
        Err(conflicts) if writer.manager == "kubectl" => {
            let mine = last_applied_fields(live, writer);
            let rest = conflicts.into_iter().filter_map(|(manager, mut fields)| {
                fields.subtract(&mine);
                (!fields.is_empty()).then_some((manager, fields))
            });
            match rest.collect::<BTreeMap<_, _>>() {
                rest if rest.is_empty() => merge(live, config, managers, writer, true),
                rest => Err(rest),
            }
        }
        applied => applied,
    };
    let (mut new, managers) = applied.map_err(|conflicts| conflict(&conflicts, writer))?;
    set_managed_fields(&mut new, &managers, writer.resource);
    if writer.manager == "kubectl" {
        renew_last_applied(&mut new, config);
    }
    Ok(new)
}

type Conflicts = BTreeMap<Manager, FieldSet>;

fn merge(
    live: &Value,
    config: &Value,
    mut managers: Managers,
    writer: &Writer<'_>,
    force: bool,
) -> Result<(Value, Managers), Conflicts> {
    let (ty, ignored) = (writer.ty(), writer.ignored());
    let me = writer.manager(Operation::Apply);
    let mut mine = typed::fields(config, ty);
    mine.subtract_below(&ignored);
    let last = managers.replace(me.clone(), mine);
    let merged = typed::merge(live, config, ty);
    let mut new = match last.filter(|last| !last.is_empty()) {
        Some(last) => prune(&merged, &last, &managers, ty),
        None => merged,
    };
    let comparison = Comparison::of(live, &new, ty).without(&ignored);
    let conflicts = managers.conflicts(&comparison, &me);
    if !conflicts.is_empty() && !force {
        return Err(conflicts);
    }
    managers.lose(&comparison, Some(&me));
    managers.strip(&me, &unmanaged());
    if new != *live {
        managers.touch(&me, writer.time);
    }
    take_managed_fields(&mut new);
    Ok((new, managers))
}

/// Removes what was applied last and is neither applied now nor managed by somebody else.
fn prune(merged: &Value, last: &FieldSet, managers: &Managers, ty: Option<Type>) -> Value {
    let without = |fields: &FieldSet| {
        typed::removed(merged, fields, ty).unwrap_or_else(|| Value::Object(Map::new()))
    };
    let named = |fields: &FieldSet| typed::with_named_fields(fields, ty);
    let fields_of = |value: &Value| named(&typed::fields(value, ty));
    let last = named(last);
    let all = fields_of(merged);
    let pruned = without(&last);
    let mut gone = all.clone();
    gone.subtract(&fields_of(&pruned));
    gone.subtract(&named(&managers.all()));
    let pruned = without(&gone);
    let mut gone = all;
    gone.subtract(&fields_of(&pruned));
    without(&gone.intersection(&last))
}

/// What `kubectl apply` without `--server-side` has set and nobody has changed since: no conflicts for `kubectl`.
fn last_applied_fields(live: &Value, writer: &Writer<'_>) -> FieldSet {
    let text = live["metadata"]["annotations"][LAST_APPLIED]
        .as_str()
        .unwrap_or_default();
    let Ok(last) = serde_json::from_str::<Value>(text) else {
        return FieldSet::default();
    };
    if last["apiVersion"] != writer.resource.api_version().as_str() {
        return FieldSet::default();
    }
    let ty = writer.ty();
    let mut fields = typed::fields(&last, ty);
    let comparison = Comparison::of(&last, live, ty);
    fields.subtract(&comparison.modified);
    fields.subtract(&comparison.added);
    fields.subtract(&comparison.removed);
    fields
}

/// An object that was applied by the client keeps the annotation of that, for the client to go back to.
fn renew_last_applied(new: &mut Value, config: &Value) {
    let annotations = new["metadata"]
        .get_mut("annotations")
        .and_then(Value::as_object_mut);
    let Some(annotations) = annotations else {
        return;
    };
    let last = annotations.get(LAST_APPLIED).and_then(Value::as_str);
    if last.is_none_or(str::is_empty) {
        return;
    }
    let mut config = config.clone();
    if let Some(annotations) = config["metadata"]["annotations"].as_object_mut() {
        annotations.remove(LAST_APPLIED);
    } else if let Some(meta) = config["metadata"].as_object_mut() {
        meta.remove("annotations");
    }
    annotations.insert(LAST_APPLIED.to_owned(), format!("{config}\n").into());
    let bytes = |(key, value): (&String, &Value)| key.len() + value.as_str().map_or(0, str::len);
    if annotations.iter().map(bytes).sum::<usize>() > ANNOTATION_BYTES_MAX {
        annotations.remove(LAST_APPLIED);
    }
}

fn conflict(conflicts: &Conflicts, writer: &Writer<'_>) -> ApiError {
    let version = &writer.resource.api_version();
    let all = conflicts.iter().flat_map(|(manager, fields)| {
        let paths = fields.paths().into_iter();
        paths.map(move |path| (manager.describe(version), display(&path)))
    });
    let all: Vec<(String, String)> = all.collect();
    let message = match all.as_slice() {
        [(manager, path)] => {
            format!("Apply failed with 1 conflict: conflict with {manager}: {path}")
        }
        all => {
            let mut lines = Vec::new();
            for (index, (manager, path)) in all.iter().enumerate() {
                if index == 0 || all[index - 1].0 != *manager {
                    lines.push(format!("conflicts with {manager}:"));
                }
                lines.push(format!("- {path}"));
            }
            format!(
                "Apply failed with {} conflicts: {}",
                all.len(),
                lines.join("\n")
            )
        }
    };
    ApiError::apply_conflict(message, &all)
}

fn untyped(config: &Value, writer: &Writer<'_>, errors: &[String]) -> ApiError {
    let text = |field: &str| config["metadata"][field].as_str().unwrap_or_default();
    let (namespace, name) = (text("namespace"), text("name"));
    let Resource {
        group,
        version,
        kind,
        ..
    } = writer.resource;
    let errors = match errors {
        [one] => one.clone(),
        all => format!("errors:\n  {}", all.join("\n  ")),
    };
    ApiError::unknown(format!(
        "failed to create typed patch object ({namespace}/{name}; {group}/{version}, Kind={kind}): {errors}"
    ))
}

/// Leaves the times of the managers what they were when nothing else of an object is another.
pub(crate) fn keep_times(old: &Value, new: &mut Value) {
    let entries = |object: &Value| -> Vec<Value> {
        let entries = object["metadata"]["managedFields"].as_array();
        let mut entries = entries.cloned().unwrap_or_default();
        for entry in &mut entries {
            if let Some(entry) = entry.as_object_mut() {
                entry.remove("time");
            }
        }
        entries
    };
    let before = entries(old);
    if before.is_empty() || before != entries(new) {
        return;
    }
    let mut untouched = new.clone();
    untouched["metadata"]["managedFields"] = old["metadata"]["managedFields"].clone();
    if untouched == *old {
        *new = untouched;
    }
}

fn take_managed_fields(object: &mut Value) -> Option<Value> {
    object
        .get_mut("metadata")?
        .as_object_mut()?
        .remove("managedFields")
}

fn set_managed_fields(object: &mut Value, managers: &Managers, resource: &Resource) {
    take_managed_fields(object);
    if !managers.is_empty() {
        object["metadata"]["managedFields"] = managers.encode(resource);
    }
}
