//! `Table`: what `kubectl get` prints, whose columns the server knows (`pkg/printers/internalversion`).

mod columns;
mod others;
mod pod;
mod services;
#[cfg(test)]
mod tests;
mod workloads;

use super::negotiate::{Include, MetaVersion};
use super::object;
use super::registry::Resource;
use seedpod_core::pod::human_duration;
use seedpod_core::time::WallTime;
use serde_json::{Value, json};
use std::time::Duration;

/// A column.
#[derive(Clone, Copy, Debug)]
struct Column {
    name: &'static str,
    /// `string`, `integer`, `boolean`
    kind: &'static str,
    /// `name` for the column that names the object.
    format: &'static str,
    description: &'static str,
    /// 0 for always, 1 for `-o wide`.
    priority: u8,
}

/// What the cells of an object say at a time, in the order of the columns.
type Cells = fn(&Value, WallTime) -> Vec<Value>;

/// A table under construction.
#[derive(Debug)]
pub(crate) struct Table {
    version: MetaVersion,
    include: Include,
    columns: Option<&'static [Column]>,
    cells: Cells,
    is_of_pods: bool,
    now: WallTime,
    rows: Vec<Value>,
    /// Of the list or object.
    pub(crate) metadata: Value,
}

impl Table {
    /// An empty table of a resource.
    pub(crate) fn new(
        resource: &Resource,
        version: MetaVersion,
        include: Include,
        now: WallTime,
    ) -> Self {
        let (columns, cells) = of(resource);
        Self {
            version,
            include,
            columns: Some(columns),
            cells,
            is_of_pods: resource.name() == "pods",
            now,
            rows: Vec::new(),
            metadata: json!({}),
        }
    }

    /// Columns that a client has been told already.
    pub(crate) fn without_columns(mut self) -> Self {
        self.columns = None;
        self
    }

    /// A row. A `Scale`, whatever the resource, has columns of its own.
    pub(crate) fn push(&mut self, object: Value) {
        if object["kind"] == "Scale" {
            (self.columns, self.cells) = (Some(columns::SCALE), others::scale);
        }
        let cells = (self.cells)(&object, self.now);
        let mut row = json!({"cells": cells});
        let conditions = self.is_of_pods.then(|| pod::conditions(&object));
        if let Some(conditions) = conditions.flatten() {
            row["conditions"] = conditions;
        }
        let ends_initial_events =
            object["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true";
        row["object"] = match self.include {
            Include::Object => object,
            Include::None if !ends_initial_events => Value::Null,
            Include::None | Include::Metadata => partial(&object, self.version),
        };
        self.rows.push(row);
    }

    /// The table as it is sent.
    pub(crate) fn into_value(self) -> Value {
        let columns = self.columns.map(|columns| {
            let columns = columns.iter().map(|column| {
                json!({
                    "name": column.name, "type": column.kind, "format": column.format,
                    "description": column.description, "priority": column.priority,
                })
            });
            columns.collect::<Value>()
        });
        json!({
            "kind": "Table", "apiVersion": self.version.api_version(), "metadata": self.metadata,
            "columnDefinitions": columns, "rows": self.rows,
        })
    }
}

/// The metadata of an object.
pub(crate) fn partial(object: &Value, version: MetaVersion) -> Value {
    json!({
        "kind": "PartialObjectMetadata", "apiVersion": version.api_version(),
        "metadata": object["metadata"],
    })
}

fn of(resource: &Resource) -> (&'static [Column], Cells) {
    match resource.name() {
        "pods" => (columns::PODS, pod::cells),
        "podtemplates" => (columns::POD_TEMPLATES, workloads::pod_template),
        "replicationcontrollers" => (
            columns::REPLICATION_CONTROLLERS,
            workloads::replication_controller,
        ),
        "replicasets.apps" => (columns::REPLICA_SETS, workloads::replica_set),
        "deployments.apps" => (columns::DEPLOYMENTS, workloads::deployment),
        "daemonsets.apps" => (columns::DAEMON_SETS, workloads::daemon_set),
        "statefulsets.apps" => (columns::STATEFUL_SETS, workloads::stateful_set),
        "controllerrevisions.apps" => (
            columns::CONTROLLER_REVISIONS,
            workloads::controller_revision,
        ),
        "jobs.batch" => (columns::JOBS, workloads::job),
        "cronjobs.batch" => (columns::CRON_JOBS, workloads::cron_job),
        "services" => (columns::SERVICES, services::service),
        "endpoints" => (columns::ENDPOINTS, services::endpoints),
        "endpointslices.discovery.k8s.io" => (columns::ENDPOINT_SLICES, services::endpoint_slice),
        "nodes" => (columns::NODES, others::node),
        "events" => (columns::EVENTS, others::event),
        "namespaces" => (columns::NAMESPACES, others::namespace),
        "secrets" => (columns::SECRETS, others::secret),
        "configmaps" => (columns::CONFIG_MAPS, others::config_map),
        "leases.coordination.k8s.io" => (columns::LEASES, others::lease),
        "runtimeclasses.node.k8s.io" => (columns::RUNTIME_CLASSES, others::runtime_class),
        _ => (columns::SERVICE_ACCOUNTS, others::name_and_age),
    }
}

/// A text, or another word when there is none.
fn text_or<'o>(value: &'o Value, otherwise: &'o str) -> &'o str {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.unwrap_or(otherwise)
}

fn text(value: &Value) -> &str {
    text_or(value, "")
}

/// A number that counts something; 0 when there is none.
fn count(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn name(object: &Value) -> Value {
    object::name(object).into()
}

/// Since the object came.
fn age(object: &Value, now: WallTime) -> Value {
    since(&object["metadata"]["creationTimestamp"], now).into()
}

/// The time since a time, or `<unknown>`.
fn since(time: &Value, now: WallTime) -> String {
    match text(time).parse() {
        Ok(then) => between(then, now),
        Err(_) => "<unknown>".to_owned(),
    }
}

fn between(then: WallTime, now: WallTime) -> String {
    let nanos = now.as_unix_nanos().saturating_sub(then.as_unix_nanos());
    human_duration(Duration::from_nanos(nanos))
}

/// The items of a list; none when there is no list.
fn items(value: &Value) -> impl DoubleEndedIterator<Item = &Value> + ExactSizeIterator + Clone {
    value
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
}

/// `key=value,…`, or `<none>`.
fn labels(value: &Value) -> String {
    let pairs = value.as_object().into_iter().flatten();
    let pairs: Vec<_> = pairs
        .map(|(key, value)| format!("{key}={}", text(value)))
        .collect();
    match pairs.is_empty() {
        true => "<none>".to_owned(),
        false => pairs.join(","),
    }
}

/// A list with what is left out of it: `a,b,c + 2 more...`
fn shortened(all: &[String], nothing: &str) -> String {
    const MAX: usize = 3;
    let shown = all.iter().take(MAX).cloned().collect::<Vec<_>>().join(",");
    match all.len() {
        0 => nothing.to_owned(),
        1..=MAX => shown,
        count => format!("{shown} + {} more...", count - MAX),
    }
}
