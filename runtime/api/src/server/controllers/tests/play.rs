//! A server, and scripts for it.

use crate::server::registry::{self, PODS, RESOURCES, Resource};
use crate::server::verbs::Options;
use crate::server::verbs::delete::DeleteOptions;
use crate::server::{Action, Now, PodNews, Server, Settings, object};
use seedpod_core::seed::Seed;
use seedpod_core::store::{ChangeKind, Store};
use seedpod_core::time::{Instant, WallTime};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

/// What is told of, in this order.
const TOLD: &[&str] = &[
    "deployments.apps",
    "replicasets.apps",
    "replicationcontrollers",
    "daemonsets.apps",
    "statefulsets.apps",
    "controllerrevisions.apps",
    "cronjobs.batch",
    "jobs.batch",
];

/// A server with what a test remembers of it.
pub(super) struct Play {
    pub(super) server: Server,
    now: Instant,
    /// Names that are random, and what they are called here.
    aliases: BTreeMap<String, String>,
    /// How many of each kind have had an alias.
    counts: BTreeMap<&'static str, usize>,
    seen: u64,
    /// What was told last.
    lines: BTreeMap<String, String>,
    events: BTreeMap<String, i64>,
}

fn at(now: Instant) -> Now {
    // A Saturday at noon.
    let epoch = WallTime::from_unix_nanos(1_767_441_600_000_000_000);
    Now {
        instant: now,
        wall: epoch.at(now),
    }
}

impl Play {
    pub(super) fn new() -> Self {
        let settings = Settings::simulated(Seed::new(1));
        let now = at(Instant::ZERO);
        let server = Server::new(settings, Store::default(), Seed::new(1), now);
        let mut play = Self {
            server,
            now: Instant::ZERO,
            aliases: BTreeMap::new(),
            counts: BTreeMap::new(),
            seen: 0,
            lines: BTreeMap::new(),
            events: BTreeMap::new(),
        };
        play.settle();
        play.tell();
        play
    }

    /// Does what a line says.
    pub(super) fn step(&mut self, line: &str) {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "wait" => self.wait(duration(rest)),
            "pods" | "pod" => self.play_pods(rest),
            _ => {
                let (plural, rest) = rest.split_once(' ').unwrap();
                let (name, rest) = rest.split_once(' ').unwrap_or((rest, "{}"));
                let resource = RESOURCES.iter().find(|one| one.plural == plural).unwrap();
                self.act(verb, resource, name, rest);
            }
        }
        self.settle();
    }

    fn act(&mut self, verb: &str, resource: &'static Resource, name: &str, rest: &str) {
        let options = Options::of("test");
        let json: Value = serde_json::from_str(rest).unwrap();
        self.server.now = at(self.now);
        let done = match verb {
            "create" => {
                let object = new_object(resource, name, &json);
                self.server.create(resource, "default", object, &options)
            }
            "patch" => {
                let name = self.real_name(name);
                let mut object = self.server.object(resource, "default", &name).unwrap();
                json_patch::merge(&mut object, &json);
                self.server
                    .update(resource, "default", &name, object, &options)
            }
            "delete" => {
                let name = self.real_name(name);
                let options = DeleteOptions::background();
                let deleted = self.server.delete(resource, "default", &name, &options);
                deleted.map(|_| Value::Null)
            }
            other => panic!("no such step: {other}"),
        };
        done.unwrap();
    }

    fn real_name(&self, alias: &str) -> String {
        let mut aliases = self.aliases.iter();
        let real = aliases.find(|(_, name)| *name == alias);
        real.map_or(alias.to_owned(), |(real, _)| real.clone())
    }

    /// `ready`, `running`, `succeeded`, `failed 3`: all pods that have not ended, or the one with this alias.
    fn play_pods(&mut self, rest: &str) {
        const STATES: &[&str] = &["running", "ready", "succeeded", "failed"];
        let mut words: Vec<&str> = rest.split(' ').collect();
        let only = match STATES.contains(&words[0]) {
            true => None,
            false => Some(words.remove(0)),
        };
        let code = words.get(1).and_then(|code| code.parse().ok());
        for pod in self.server.objects(&PODS, Some("default")) {
            let name = object::name(&pod).to_owned();
            let is_meant = only.is_none_or(|only| self.alias(&name) == only);
            let phase = pod["status"]["phase"].as_str().unwrap_or_default();
            if is_meant && !matches!(phase, "Succeeded" | "Failed") && !object::is_deleted(&pod) {
                self.play_pod(pod, words[0], code);
            }
        }
    }

    /// Writes a status as a kubelet would.
    pub(super) fn play_pod(&mut self, mut pod: Value, state: &str, code: Option<i64>) {
        self.server.now = at(self.now);
        let now = self.server.now.wall.to_string();
        let (phase, ready) = match state {
            "ready" => ("Running", "True"),
            "running" => ("Running", "False"),
            "succeeded" => ("Succeeded", "False"),
            _ => ("Failed", "False"),
        };
        let conditions = &pod["status"]["conditions"];
        let conditions = conditions.as_array().into_iter().flatten();
        let old = conditions.into_iter().find(|one| one["type"] == "Ready");
        let since = match old {
            Some(old) if old["status"] == ready => old["lastTransitionTime"].clone(),
            _ => now.clone().into(),
        };
        let container = &pod["spec"]["containers"][0]["name"];
        let mut status = json!({
            "phase": phase,
            "conditions": [{"type": "Ready", "status": ready, "lastTransitionTime": since}],
        });
        if matches!(phase, "Succeeded" | "Failed") {
            let code = code.unwrap_or(i64::from(phase == "Failed"));
            status["containerStatuses"] = json!([{
                "name": container, "ready": false, "restartCount": 0, "image": "a", "imageID": "a",
                "state": {"terminated": {"exitCode": code, "finishedAt": now, "startedAt": now, "reason": "Error"}},
            }]);
        }
        pod["status"] = status;
        let options = Options::of("kubelet").for_subresource("status");
        let name = object::name(&pod).to_owned();
        self.server
            .update(&PODS, "default", &name, pod, &options)
            .unwrap();
    }

    pub(super) fn wait(&mut self, delay: Duration) {
        let end = self.now + delay;
        self.settle();
        while let Some(due) = self.server.next_deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.settle();
        }
        self.now = end;
        self.settle();
    }

    /// Lets the server do what is due, and pods end that shall.
    pub(super) fn settle(&mut self) {
        for _ in 0..1000 {
            self.server.turn(at(self.now));
            let mut is_quiet = true;
            while let Some(action) = self.server.next_action() {
                if let Action::Stop { uid, .. } = action {
                    self.server.pod_news(at(self.now), &uid, PodNews::Gone);
                    is_quiet = false;
                }
            }
            let due = self.server.next_deadline();
            if is_quiet && due.is_none_or(|due| due > self.now) {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    fn alias(&self, name: &str) -> String {
        self.aliases.get(name).cloned().unwrap_or(name.to_owned())
    }

    /// The text with aliases for names.
    fn with_aliases(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (name, alias) in self.aliases.iter().rev() {
            text = text.replace(name, alias);
        }
        text
    }

    /// What is other than at the last time.
    pub(super) fn tell(&mut self) -> String {
        self.name_new();
        let mut lines = BTreeMap::new();
        let mut order = Vec::new();
        for name in TOLD {
            let resource = RESOURCES.iter().find(|one| one.name() == *name).unwrap();
            let mut objects = self.server.objects(resource, Some("default"));
            objects.sort_by_key(|object| {
                let alias = self.alias(object::name(object));
                (alias.len(), alias)
            });
            for object in objects {
                let key = format!(
                    "{} {}",
                    resource.singular,
                    self.alias(object::name(&object))
                );
                lines.insert(key.clone(), self.with_aliases(&describe(&object)));
                order.push(key);
            }
        }
        for (owner, states) in self.describe_pods() {
            let key = format!("pods of {owner}");
            lines.insert(key.clone(), states);
            order.push(key);
        }
        let mut text = String::new();
        for key in &order {
            if self.lines.get(key) != lines.get(key) {
                writeln!(text, "  {key}: {}", lines[key]).unwrap();
            }
        }
        for key in self.lines.keys().filter(|key| !lines.contains_key(*key)) {
            writeln!(text, "  {key}: gone").unwrap();
        }
        self.lines = lines;
        text + &self.tell_events()
    }

    /// How many pods of whom are in which state. Which of them go when there are too many is up to chance.
    fn describe_pods(&self) -> BTreeMap<String, String> {
        let mut owners: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
        for pod in self.server.objects(&PODS, Some("default")) {
            let owner = &pod["metadata"]["ownerReferences"][0]["name"];
            let owner = self.alias(owner.as_str().unwrap_or("nobody"));
            let name = match has_random_name(&pod) {
                false => format!("{} ", object::name(&pod)),
                true => String::new(),
            };
            let state = format!("{name}{}", describe_pod(&pod));
            *owners.entry(owner).or_default().entry(state).or_default() += 1;
        }
        let states = |states: BTreeMap<String, usize>| {
            let states = states.into_iter().map(|(state, count)| match count {
                1 => state,
                count => format!("{count} {state}"),
            });
            states.collect::<Vec<_>>().join(", ")
        };
        owners
            .into_iter()
            .map(|(owner, all)| (owner, states(all)))
            .collect()
    }

    fn name_new(&mut self) {
        let changes = self.server.store.changes().since(self.seen).unwrap();
        let new: Vec<_> = changes
            .filter(|change| change.kind == ChangeKind::Added)
            .map(|change| (change.key.clone(), object::decode(&change.stored.value)))
            .collect();
        self.seen = self.server.revision();
        for (key, object) in new {
            let is_random = has_random_name(&object);
            let kind = match &*key.resource {
                "pods" if is_random => "p",
                "replicasets.apps" if object["metadata"]["ownerReferences"].is_array() => "rs",
                "controllerrevisions.apps" => "rev",
                _ => continue,
            };
            let count = self.counts.entry(kind).or_default();
            *count += 1;
            self.aliases
                .insert(key.name.to_string(), format!("{kind}{count}"));
        }
    }

    fn tell_events(&mut self) -> String {
        let mut events = self.server.objects(&registry::EVENTS, Some("default"));
        events.retain(|event| event["involvedObject"]["kind"] != "Pod");
        events.sort_by_key(|event| {
            let revision = object::revision(event).unwrap_or_default();
            revision.parse::<u64>().unwrap_or_default()
        });
        let mut text = String::new();
        for event in events {
            let count = event["count"].as_i64().unwrap_or(1);
            let before = self.events.insert(object::uid(&event).to_owned(), count);
            if before == Some(count) {
                continue;
            }
            let field = |name: &str| event[name].as_str().unwrap_or_default();
            let line = format!(
                "{} {}: {}",
                field("type"),
                field("reason"),
                field("message")
            );
            let times = match count - before.unwrap_or_default() {
                1 => String::new(),
                more => format!(" (x{more})"),
            };
            writeln!(text, "  {}{times}", self.with_aliases(&line)).unwrap();
        }
        text
    }
}

fn duration(text: &str) -> Duration {
    let (number, unit) = text.split_at(text.len() - 1);
    let number: u64 = number.parse().unwrap();
    Duration::from_secs(match unit {
        "s" => number,
        "m" => number * 60,
        "h" => number * 3600,
        _ => panic!("no such unit: {unit}"),
    })
}

/// An object of this kind whose pods have the label `app`; `more` is merged into its `spec`.
fn new_object(resource: &Resource, name: &str, more: &Value) -> Value {
    let template = |policy: &str| {
        json!({
            "metadata": {"labels": {"app": name}},
            "spec": {"restartPolicy": policy, "containers": [{"name": "a", "image": "busybox"}]},
        })
    };
    let mut spec = match resource.plural {
        "jobs" => json!({"template": template("Never")}),
        "cronjobs" => json!({"jobTemplate": {"spec": {"template": template("Never")}}}),
        "replicationcontrollers" => json!({"template": template("Always")}),
        "pods" => template("Always")["spec"].clone(),
        _ => json!({"selector": {"matchLabels": {"app": name}}, "template": template("Always")}),
    };
    let mut meta = json!({"name": name});
    if let Some(labels) = more.get("labels") {
        meta["labels"] = labels.clone();
    } else {
        json_patch::merge(&mut spec, more);
    }
    json!({
        "apiVersion": resource.api_version(), "kind": resource.kind, "metadata": meta, "spec": spec,
    })
}

/// Pods of a StatefulSet have been asked for with the beginning of a name too, but have one that is fixed.
fn has_random_name(object: &Value) -> bool {
    let labels = object::labels(object);
    !object::meta(object, "generateName").is_empty()
        && !labels.contains_key("statefulset.kubernetes.io/pod-name")
}

fn describe(object: &Value) -> String {
    let mut words = Vec::new();
    let wanted = &object["spec"]["replicas"];
    if wanted.is_number() {
        words.push(format!("wanted={wanted}"));
    }
    if let Some(revision) =
        object["metadata"]["annotations"]["deployment.kubernetes.io/revision"].as_str()
    {
        words.push(format!("revision={revision}"));
    }
    if object["revision"].is_number() {
        words.push(format!("revision={}", object["revision"]));
    }
    let status = object["status"].as_object().into_iter().flatten();
    for (name, value) in status.filter(|(name, _)| *name != "observedGeneration") {
        match value {
            Value::Number(number) if number.as_i64() == Some(0) => {}
            Value::Number(number) => words.push(format!("{name}={number}")),
            Value::String(text) => words.push(format!("{name}={text}")),
            _ => {}
        }
    }
    let conditions = object["status"]["conditions"].as_array();
    for condition in conditions.into_iter().flatten() {
        let field = |name: &str| condition[name].as_str().unwrap_or_default();
        words.push(format!(
            "{}={}({})",
            field("type"),
            field("status"),
            field("reason")
        ));
    }
    words.join(" ")
}

/// `Ready`, or the phase; and the index that it has.
fn describe_pod(pod: &Value) -> String {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let is_ready = conditions
        .filter(|one| one["type"] == "Ready")
        .any(|one| one["status"] == "True");
    let phase = match pod["status"]["phase"].as_str() {
        _ if is_ready => "Ready",
        None | Some("") => "Pending",
        Some(phase) => phase,
    };
    let index = &pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"];
    let index = index.as_str().map(|index| format!("[{index}]"));
    format!("{phase}{}", index.unwrap_or_default())
}
