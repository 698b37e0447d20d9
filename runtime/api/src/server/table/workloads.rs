//! The rows of what makes pods.

use super::{age, between, count, items, labels, name, since, text, text_or};
use crate::server::controllers::controller_of;
use crate::server::object;
use seedpod_core::time::WallTime;
use serde_json::Value;

/// Names and images of the containers of a template.
fn containers(template: &Value) -> [Value; 2] {
    let all = items(&template["spec"]["containers"]);
    let join = |field: &str| {
        let words: Vec<_> = all.clone().map(|one| text(&one[field])).collect();
        words.join(",").into()
    };
    [join("name"), join("image")]
}

/// A `LabelSelector` as `FormatLabelSelector` writes it.
fn selector(value: &Value) -> String {
    let matched = value["matchLabels"].as_object().into_iter().flatten();
    let mut all: Vec<(&str, String)> = matched
        .map(|(key, value)| (key.as_str(), format!("{key}={}", text(value))))
        .collect();
    for one in items(&value["matchExpressions"]) {
        let key = text(&one["key"]);
        let mut values: Vec<_> = items(&one["values"]).map(text).collect();
        values.sort_unstable();
        let values = values.join(",");
        all.push((
            key,
            match text(&one["operator"]) {
                "In" => format!("{key} in ({values})"),
                "NotIn" => format!("{key} notin ({values})"),
                "DoesNotExist" => format!("!{key}"),
                _ => key.to_owned(),
            },
        ));
    }
    all.sort_by_key(|(key, _)| *key);
    let all: Vec<_> = all.into_iter().map(|(_, text)| text).collect();
    match all.is_empty() {
        true => "<none>".to_owned(),
        false => all.join(","),
    }
}

pub(super) fn pod_template(object: &Value, _now: WallTime) -> Vec<Value> {
    let template = &object["template"];
    let mut cells = vec![name(object)];
    cells.extend(containers(template));
    cells.push(labels(&template["metadata"]["labels"]).into());
    cells
}

fn replicas(object: &Value, now: WallTime, selector: String) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let mut cells = vec![
        name(object),
        count(&spec["replicas"]).into(),
        count(&status["replicas"]).into(),
        count(&status["readyReplicas"]).into(),
        age(object, now),
    ];
    cells.extend(containers(&spec["template"]));
    cells.push(selector.into());
    cells
}

pub(super) fn replication_controller(object: &Value, now: WallTime) -> Vec<Value> {
    replicas(object, now, labels(&object["spec"]["selector"]))
}

pub(super) fn replica_set(object: &Value, now: WallTime) -> Vec<Value> {
    replicas(object, now, selector(&object["spec"]["selector"]))
}

/// `ready/desired`
fn ready(object: &Value) -> Value {
    let ready = count(&object["status"]["readyReplicas"]);
    format!("{ready}/{}", count(&object["spec"]["replicas"])).into()
}

pub(super) fn deployment(object: &Value, now: WallTime) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let mut cells = vec![
        name(object),
        ready(object),
        count(&status["updatedReplicas"]).into(),
        count(&status["availableReplicas"]).into(),
        age(object, now),
    ];
    cells.extend(containers(&spec["template"]));
    cells.push(selector(&spec["selector"]).into());
    cells
}

pub(super) fn stateful_set(object: &Value, now: WallTime) -> Vec<Value> {
    let mut cells = vec![name(object), ready(object), age(object, now)];
    cells.extend(containers(&object["spec"]["template"]));
    cells
}

pub(super) fn daemon_set(object: &Value, now: WallTime) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let counts = [
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    ];
    let mut cells = vec![name(object)];
    cells.extend(counts.map(|field| Value::from(count(&status[field]))));
    let template = &spec["template"];
    cells.push(labels(&template["spec"]["nodeSelector"]).into());
    cells.push(age(object, now));
    cells.extend(containers(template));
    cells.push(selector(&spec["selector"]).into());
    cells
}

fn job_status(object: &Value) -> &'static str {
    let has = |wanted: &str| {
        let mut all = items(&object["status"]["conditions"]);
        let found = all.find(|one| one["type"] == wanted);
        found.is_some_and(|one| one["status"] == "True")
    };
    match () {
        () if has("Complete") => "Complete",
        () if has("Failed") => "Failed",
        () if object::is_deleted(object) => "Terminating",
        () if has("Suspended") => "Suspended",
        () if has("FailureTarget") => "FailureTarget",
        () if has("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    }
}

pub(super) fn job(object: &Value, now: WallTime) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let succeeded = count(&status["succeeded"]);
    let completions = match (spec["completions"].as_i64(), count(&spec["parallelism"])) {
        (Some(completions), _) => format!("{succeeded}/{completions}"),
        (None, parallelism) if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        (None, _) => format!("{succeeded}/1"),
    };
    let time = |field: &str| text(&status[field]).parse().ok();
    let duration = time("startTime").map_or_else(String::new, |start| {
        between(start, time("completionTime").unwrap_or(now))
    });
    let mut cells = vec![
        name(object),
        job_status(object).into(),
        completions.into(),
        duration.into(),
        age(object, now),
    ];
    cells.extend(containers(&spec["template"]));
    cells.push(selector(&spec["selector"]).into());
    cells
}

pub(super) fn cron_job(object: &Value, now: WallTime) -> Vec<Value> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let suspend = match spec["suspend"].as_bool() {
        Some(true) => "True",
        Some(false) => "False",
        None => "<unset>",
    };
    let last = match status["lastScheduleTime"].is_null() {
        true => "<none>".to_owned(),
        false => since(&status["lastScheduleTime"], now),
    };
    let job = &spec["jobTemplate"]["spec"];
    let mut cells = vec![
        name(object),
        text(&spec["schedule"]).into(),
        text_or(&spec["timeZone"], "<none>").into(),
        suspend.into(),
        items(&status["active"]).len().into(),
        last.into(),
        age(object, now),
    ];
    cells.extend(containers(&job["template"]));
    cells.push(selector(&job["selector"]).into());
    cells
}

pub(super) fn controller_revision(object: &Value, now: WallTime) -> Vec<Value> {
    let controller = controller_of(object).map_or_else(
        || "<none>".to_owned(),
        |owner| {
            let version = text(&owner["apiVersion"]);
            let group = version.split_once('/').map_or("", |(group, _)| group);
            let kind = match group {
                "" => text(&owner["kind"]).to_owned(),
                group => format!("{}.{group}", text(&owner["kind"])),
            };
            format!("{}/{}", kind.to_lowercase(), text(&owner["name"]))
        },
    );
    vec![
        name(object),
        controller.into(),
        count(&object["revision"]).into(),
        age(object, now),
    ]
}
