//! Job and CronJob.

mod policies;

use super::checks::{immutable, label_selector, nonnegative, selects_template};
use super::{default_template, default_to, field, is_unchanged};
use crate::names::dns_label;
use crate::server::controllers::LabelSelector;
use crate::server::cron::{Schedule, time_zone};
use crate::server::error::{ApiError, FieldError};
use crate::server::kinds::{Strategy, pod, put_back};
use crate::server::{Server, object};
use policies::{validate_pod_failure_policy, validate_success_policy};
use serde_json::{Value, json};

/// Labels by which a Job knows its pods; those without prefix are of old times.
pub(crate) const UID_LABELS: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];
const NAME_LABELS: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];
const UID_LABEL: &str = UID_LABELS[1];

/// Most pods of an indexed Job at a time, and most of its failed indexes.
const INDEXED_MAX: i64 = 100_000;
/// From so many completions on the next two hold.
const COMPLETIONS_MANY: i64 = 100_000;
const PARALLELISM_OF_MANY_MAX: i64 = 10_000;
const FAILED_INDEXES_OF_MANY_MAX: i64 = 10_000;

pub(crate) struct Job;

impl Strategy for Job {
    fn default(&self, object: &mut Value) {
        let labels = object["spec"]["template"]["metadata"]["labels"].clone();
        if labels.is_object() && super::is_empty(&object["metadata"]["labels"]) {
            *field(field(object, "metadata"), "labels") = labels;
        }
        default_job_spec(field(object, "spec"));
        default_to(field(object, "spec"), "manualSelector", false);
        default_template(object);
    }

    fn prepare_create(&self, _server: &mut Server, object: &mut Value) -> Result<(), ApiError> {
        object["status"] = json!({});
        if object["spec"]["manualSelector"] != true {
            generate_selector(object);
        }
        Ok(())
    }

    fn validate(&self, _server: &Server, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        if is_unchanged(object, old) {
            return Vec::new();
        }
        let spec = &object["spec"];
        let mut errors = validate_generated_selector(object);
        errors.extend(validate_job_spec(spec, "spec"));
        if spec["selector"].is_null() {
            errors.push(FieldError::required("spec.selector", ""));
        }
        errors.extend(label_selector(&spec["selector"], "spec.selector"));
        errors.extend(selects_template(
            &spec["selector"],
            &spec["template"],
            "spec.template",
        ));
        errors.extend(validate_host_names(object));
        if let Some(old) = old {
            errors.extend(validate_job_update(spec, old));
        }
        errors
    }

    fn has_generation(&self) -> bool {
        true
    }
}

fn default_job_spec(spec: &mut Value) {
    if spec["completions"].is_null() && spec["parallelism"].is_null() {
        default_to(spec, "completions", 1);
    }
    default_to(spec, "parallelism", 1);
    let limit = match spec["backoffLimitPerIndex"].is_null() {
        true => 6,
        false => i32::MAX,
    };
    default_to(spec, "backoffLimit", limit);
    default_to(spec, "completionMode", "NonIndexed");
    default_to(spec, "suspend", false);
    let replacement = match spec["podFailurePolicy"].is_null() {
        true => "TerminatingOrFailed",
        false => "Failed",
    };
    default_to(spec, "podReplacementPolicy", replacement);
    default_patterns(spec);
}

/// A condition of a pod failure policy is one that is true, unless it says something else.
fn default_patterns(spec: &mut Value) {
    let rules = spec.pointer_mut("/podFailurePolicy/rules");
    for rule in rules.and_then(Value::as_array_mut).into_iter().flatten() {
        let patterns = rule.pointer_mut("/onPodConditions");
        for pattern in patterns.and_then(Value::as_array_mut).into_iter().flatten() {
            default_to(pattern, "status", "True");
        }
    }
}

fn generate_selector(job: &mut Value) {
    let (name, uid) = (object::name(job).to_owned(), object::uid(job).to_owned());
    let spec = field(job, "spec");
    let labels = field(field(field(spec, "template"), "metadata"), "labels");
    for label in NAME_LABELS {
        default_to(labels, label, name.as_str());
    }
    for label in UID_LABELS {
        default_to(labels, label, uid.as_str());
    }
    default_to(
        field(field(spec, "selector"), "matchLabels"),
        UID_LABEL,
        uid,
    );
}

/// The labels that tell the pods of one Job from those of others are there, unless a client said other ones.
fn validate_generated_selector(job: &Value) -> Vec<FieldError> {
    if job["spec"]["manualSelector"] == true || job["spec"]["selector"].is_null() {
        return Vec::new();
    }
    const PATH: &str = "spec.template.metadata.labels";
    let labels = &job["spec"]["template"]["metadata"]["labels"];
    let uid = UID_LABELS.map(|label| (label, object::uid(job)));
    let name = NAME_LABELS.map(|label| (label, object::name(job)));
    let mut expected = serde_json::Map::new();
    let mut errors = Vec::new();
    for (label, value) in uid.into_iter().chain(name) {
        expected.insert(label.to_owned(), value.into());
        let path = format!("{PATH}[{label}]");
        match &labels[label] {
            Value::Null => {
                let text = format!("must be '{value}'");
                errors.push(FieldError::required(path, &text));
            }
            found if found != value => {
                let text = format!("must be '{value}'");
                errors.push(FieldError::invalid(path, labels, &text));
            }
            _ => {}
        }
    }
    let selector = &job["spec"]["selector"];
    let is_generated = LabelSelector::of(selector).selects_labels(&Value::Object(expected));
    if !is_generated {
        let text = "`selector` not auto-generated";
        errors.push(FieldError::invalid("spec.selector", selector, text));
    }
    errors
}

/// Pods of an indexed Job are hosts called after it and their index.
fn validate_host_names(job: &Value) -> Option<FieldError> {
    let spec = &job["spec"];
    let completions = spec["completions"].as_i64().filter(|number| *number > 0)?;
    if spec["completionMode"] != "Indexed" {
        return None;
    }
    let host = format!("{}-{}", object::name(job), completions - 1);
    dns_label(&host)?;
    let text = format!("will not able to create pod with invalid DNS label: {host}");
    let name = object::name(job).into();
    Some(FieldError::invalid("metadata.name", &name, &text))
}

fn validate_job_spec(spec: &Value, path: &str) -> Vec<FieldError> {
    let numbers = [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ];
    let mut errors = nonnegative(spec, path, &numbers);
    if !spec["maxFailedIndexes"].is_null() && spec["backoffLimitPerIndex"].is_null() {
        let text = "when maxFailedIndexes is specified";
        errors.push(FieldError::required(
            format!("{path}.backoffLimitPerIndex"),
            text,
        ));
    }
    match spec["completionMode"].as_str() {
        Some("Indexed") => errors.extend(validate_indexed(spec, path)),
        Some("NonIndexed") => {
            for name in ["backoffLimitPerIndex", "maxFailedIndexes"] {
                if !spec[name].is_null() {
                    let text = "requires indexed completion mode";
                    let path = format!("{path}.{name}");
                    errors.push(FieldError::invalid(path, &spec[name], text));
                }
            }
        }
        _ => errors.push(FieldError::not_supported(
            format!("{path}.completionMode"),
            &spec["completionMode"],
            &["NonIndexed", "Indexed"],
        )),
    }
    errors.extend(validate_pod_failure_policy(spec, path));
    errors.extend(validate_success_policy(spec, path));
    errors.extend(validate_replacement(spec, path));
    errors.extend(pod::validate_template(
        &spec["template"],
        &format!("{path}.template"),
    ));
    errors.extend(validate_restart_policy(spec, path));
    errors
}

fn validate_indexed(spec: &Value, path: &str) -> Vec<FieldError> {
    let number = |name: &str| spec[name].as_i64();
    let too_many = |name: &str, max: i64, more: &str| {
        let is_more = number(name).is_some_and(|number| number > max);
        let text = format!("must be less than or equal to {max}{more}");
        is_more.then(|| FieldError::invalid(format!("{path}.{name}"), &spec[name], &text))
    };
    let mut errors = Vec::new();
    let Some(completions) = number("completions") else {
        let text = "when completion mode is Indexed";
        return vec![FieldError::required(format!("{path}.completions"), text)];
    };
    let more = " when completion mode is Indexed";
    errors.extend(too_many("parallelism", INDEXED_MAX, more));
    if number("maxFailedIndexes").is_some_and(|number| number > completions) {
        let text = "must be less than or equal to completions";
        let path = format!("{path}.maxFailedIndexes");
        errors.push(FieldError::invalid(path, &spec["maxFailedIndexes"], text));
    }
    errors.extend(too_many("maxFailedIndexes", INDEXED_MAX, ""));
    if completions > COMPLETIONS_MANY && number("backoffLimitPerIndex").is_some() {
        let more = format!(
            " when completions are above {COMPLETIONS_MANY} and used with backoff limit per index"
        );
        if number("maxFailedIndexes").is_none() {
            let text = format!("must be specified when completions is above {COMPLETIONS_MANY}");
            errors.push(FieldError::required(
                format!("{path}.maxFailedIndexes"),
                &text,
            ));
        }
        errors.extend(too_many("parallelism", PARALLELISM_OF_MANY_MAX, &more));
        errors.extend(too_many(
            "maxFailedIndexes",
            FAILED_INDEXES_OF_MANY_MAX,
            &more,
        ));
    }
    errors
}

fn validate_replacement(spec: &Value, path: &str) -> Option<FieldError> {
    let supported: &[&str] = match spec["podFailurePolicy"].is_null() {
        true => &["Failed", "TerminatingOrFailed"],
        false => &["Failed"],
    };
    let policy = &spec["podReplacementPolicy"];
    let is_supported = supported.iter().any(|word| policy == word);
    let path = format!("{path}.podReplacementPolicy");
    (!is_supported).then(|| FieldError::not_supported(path, policy, supported))
}

fn validate_restart_policy(spec: &Value, path: &str) -> Option<FieldError> {
    let policy = &spec["template"]["spec"]["restartPolicy"];
    let path = format!("{path}.template.spec.restartPolicy");
    match policy.as_str() {
        Some("Never") => None,
        Some("OnFailure") if spec["podFailurePolicy"].is_null() => None,
        Some("OnFailure") => {
            let text = "only \"Never\" is supported when podFailurePolicy is specified";
            Some(FieldError::invalid(path, policy, text))
        }
        None | Some("" | "Always") => {
            let text = "valid values: \"OnFailure\", \"Never\"";
            Some(FieldError::required(path, text))
        }
        Some(_) => Some(FieldError::not_supported(
            path,
            policy,
            &["OnFailure", "Never"],
        )),
    }
}

fn validate_job_update(new: &Value, old: &Value) -> Vec<FieldError> {
    let old_spec = &old["spec"];
    let mut errors = Vec::new();
    if new["completionMode"] != "Indexed" {
        errors.extend(immutable(new, old_spec, "spec", &["completions"]));
    } else if new["completions"] != old_spec["completions"]
        && new["completions"] != new["parallelism"]
    {
        let text = "can only be modified in tandem with spec.parallelism";
        errors.push(FieldError::invalid(
            "spec.completions",
            &new["completions"],
            text,
        ));
    }
    errors.extend(immutable(new, old_spec, "spec", &["selector"]));
    if fixed_template(old, &new["template"]) != new["template"] {
        let text = "field is immutable";
        errors.push(FieldError::invalid("spec.template", &new["template"], text));
    }
    let fixed = [
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
    ];
    errors.extend(immutable(new, old_spec, "spec", &fixed));
    errors
}

/// The template of a Job as it has to stay: while it is suspended and has no pods, all that is about scheduling may
/// become what `new` says, and resources too.
fn fixed_template(job: &Value, new: &Value) -> Value {
    let mut template = job["spec"]["template"].clone();
    let status = &job["status"];
    let has_no_pods = status["active"].as_i64().unwrap_or_default() == 0;
    if job["spec"]["suspend"] != true || !has_no_pods {
        return template;
    }
    for name in ["annotations", "labels"] {
        put_back(&new["metadata"], &mut template["metadata"], name);
    }
    for name in ["nodeSelector", "tolerations", "schedulingGates"] {
        put_back(&new["spec"], &mut template["spec"], name);
    }
    let node_affinity = &new["spec"]["affinity"]["nodeAffinity"];
    if !node_affinity.is_null() {
        *field(field(&mut template["spec"], "affinity"), "nodeAffinity") = node_affinity.clone();
    } else if let Some(affinity) = template
        .pointer_mut("/spec/affinity")
        .and_then(Value::as_object_mut)
    {
        affinity.remove("nodeAffinity");
        if affinity.is_empty() && new["spec"]["affinity"].is_null() {
            put_back(&new["spec"], &mut template["spec"], "affinity");
        }
    }
    for list in ["containers", "initContainers"] {
        let news = new["spec"][list].as_array();
        let olds = template["spec"].get_mut(list).and_then(Value::as_array_mut);
        for (old, new) in olds.into_iter().flatten().zip(news.into_iter().flatten()) {
            if old["name"] == new["name"] {
                put_back(new, old, "resources");
            }
        }
    }
    template
}

pub(crate) struct CronJob;

impl Strategy for CronJob {
    fn default(&self, object: &mut Value) {
        let spec = field(object, "spec");
        default_to(spec, "concurrencyPolicy", "Allow");
        default_to(spec, "suspend", false);
        default_to(spec, "successfulJobsHistoryLimit", 3);
        default_to(spec, "failedJobsHistoryLimit", 1);
        let job = field(field(spec, "jobTemplate"), "spec");
        pod::default_template(field(job, "template"));
        default_patterns(job);
    }

    fn prepare_create(&self, _server: &mut Server, object: &mut Value) -> Result<(), ApiError> {
        object["status"] = json!({});
        Ok(())
    }

    fn validate(&self, _server: &Server, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        if is_unchanged(object, old) {
            return Vec::new();
        }
        let spec = &object["spec"];
        let mut errors = validate_schedule(&spec["schedule"]);
        errors.extend(nonnegative(spec, "spec", &["startingDeadlineSeconds"]));
        errors.extend(validate_time_zone(&spec["timeZone"]));
        let policy = &spec["concurrencyPolicy"];
        let policies = ["Allow", "Forbid", "Replace"];
        if !policies.iter().any(|known| policy == known) {
            let path = "spec.concurrencyPolicy";
            errors.push(FieldError::not_supported(path, policy, &policies));
        }
        errors.extend(validate_job_template(&spec["jobTemplate"]["spec"]));
        let limits = ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"];
        errors.extend(nonnegative(spec, "spec", &limits));
        let name = object::name(object);
        // A Job is called after it: `-` and ten digits more.
        if old.is_none() && name.len() > 63 - 11 {
            let text = "must be no more than 52 characters";
            errors.push(FieldError::invalid("metadata.name", &name.into(), text));
        }
        errors
    }

    fn has_generation(&self) -> bool {
        true
    }
}

fn validate_schedule(schedule: &Value) -> Vec<FieldError> {
    const PATH: &str = "spec.schedule";
    let text = schedule.as_str().unwrap_or_default();
    if text.is_empty() {
        return vec![FieldError::required(PATH, "")];
    }
    let mut errors = Vec::new();
    if let Err(error) = Schedule::parse(text) {
        errors.push(FieldError::invalid(PATH, schedule, &error.to_string()));
    }
    if text.contains("TZ") {
        let text = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
        errors.push(FieldError::invalid(PATH, schedule, text));
    }
    errors
}

fn validate_time_zone(zone: &Value) -> Option<FieldError> {
    const PATH: &str = "spec.timeZone";
    let name = zone.as_str()?;
    let text = match name {
        "" => "timeZone must be nil or non-empty string".to_owned(),
        name if name.eq_ignore_ascii_case("local") => {
            "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
                .to_owned()
        }
        name => time_zone(name).err()?.to_string(),
    };
    Some(FieldError::invalid(PATH, zone, &text))
}

fn validate_job_template(spec: &Value) -> Vec<FieldError> {
    const PATH: &str = "spec.jobTemplate.spec";
    // What a Job made of it will get.
    let mut job = spec.clone();
    default_job_spec(&mut job);
    let mut errors = validate_job_spec(&job, PATH);
    if !spec["selector"].is_null() {
        let text = "`selector` will be auto-generated";
        errors.push(FieldError::invalid(
            format!("{PATH}.selector"),
            &spec["selector"],
            text,
        ));
    }
    if spec["manualSelector"] == true {
        let path = format!("{PATH}.manualSelector");
        errors.push(FieldError::not_supported(
            path,
            &true.into(),
            &["nil", "false"],
        ));
    }
    errors
}
