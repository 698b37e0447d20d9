//! A pod, an engine that answers by itself, and a text that says what else happens.
//!
//! How a pod is written, [`manifest`](super::manifest) says. A script is `1s a exits 1 | 11s delete 5 | 20s end`. The
//! engine answers every action at once, and containers die of their stop signal with 143, unless told otherwise: see
//! [`Engine::step`]. Probes succeed; `a live fails` makes them fail from then on, `a live hangs` leaves the answer to steps
//! like `a live says errs no such program`. Hooks work likewise: `a prestop fails`.

use super::manifest::parse_pod;
use crate::image::ImageConfig;
use crate::pod::duration::go_duration;
use crate::pod::{
    Action, ContainerId, ContainerState, Event, EventType, Exit, ForeignCondition, HookKind,
    Identity, ImageError, ImageErrorReason, ImageFacts, Pod, ProbeKind, ProbeResult, SandboxError,
    StartError, Status, printer,
};
use crate::process::{ExitStatus, Signal};
use crate::seed::Seed;
use crate::spec::{self, GracePeriod};
use crate::time::{Instant, WallTime};
use expect_test::Expect;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

/// Compares everything that happens with `expect`.
pub(super) fn check(pod: &str, script: &str, expect: Expect) {
    expect.assert_eq(&Engine::run(pod, script).trace);
}

/// Compares only the lines that contain one of these words.
pub(super) fn check_only(words: &[&str], pod: &str, script: &str, expect: Expect) {
    let trace = Engine::run(pod, script).trace;
    let lines = trace
        .lines()
        .filter(|line| words.iter().any(|word| line.contains(word)));
    let lines: String = lines.map(|line| format!("{line}\n")).collect();
    expect.assert_eq(&lines);
}

pub(super) struct Engine {
    pub(super) pod: Pod,
    pub(super) now: Instant,
    pub(super) trace: String,
    shown: Status,
    sandbox: Option<SandboxError>,
    image: Option<ImageError>,
    start: Option<StartError>,
    user: String,
    present: bool,
    /// Containers whose pull and start wait for the script.
    slow: BTreeSet<String>,
    /// Containers that do not care about their stop signal.
    stubborn: BTreeSet<String>,
    /// What probes and hooks say, by container and word; success when nothing is said, nothing when it is `None`.
    answers: BTreeMap<(String, &'static str), Option<ProbeResult>>,
    /// The hooks that the pod wants to know about.
    hooks: BTreeMap<(ContainerId, HookKind), u32>,
}

/// The wall time of [`Instant::ZERO`] in all tests.
pub(super) const EPOCH: WallTime = WallTime::from_unix_nanos(1_767_366_245_000_000_000);

pub(super) fn identity() -> Identity {
    Identity {
        uid: "uid".to_owned(),
        node_name: "node".to_owned(),
        host_ip: [192, 0, 2, 1].into(),
    }
}

impl Engine {
    pub(super) fn run(pod: &str, script: &str) -> Self {
        let mut engine = Self::new(parse_pod(pod));
        for step in script.split('|') {
            let mut words = step.split_whitespace();
            let at = words
                .next()
                .and_then(|word| word.strip_suffix('s'))
                .expect("a time");
            let at: f64 = at.parse().expect("seconds");
            let at = Instant::ZERO + Duration::from_secs_f64(at);
            if engine.now < at {
                engine.advance(at);
            }
            engine.step(&words.collect::<Vec<_>>());
        }
        let row = printer::row(
            engine.pod.spec(),
            engine.pod.status(),
            &identity().node_name,
            EPOCH.at(engine.now),
        );
        let printer::Row {
            ready,
            status,
            restarts,
            age,
            ..
        } = row;
        writeln!(engine.trace, "get pods: {ready} {status} {restarts} {age}").unwrap();
        engine
    }

    pub(super) fn new(spec: spec::Pod) -> Self {
        let pod = Pod::new(
            Arc::new(spec),
            identity(),
            Seed::new(1),
            Instant::ZERO,
            EPOCH,
        );
        let shown = Status::accepted(pod.spec(), identity().host_ip, EPOCH);
        Self {
            pod,
            now: Instant::ZERO,
            trace: String::new(),
            shown,
            sandbox: None,
            image: None,
            start: None,
            user: "1000".to_owned(),
            present: true,
            slow: BTreeSet::new(),
            stubborn: BTreeSet::new(),
            answers: BTreeMap::new(),
            hooks: BTreeMap::new(),
        }
    }

    /// One step of a script, after its time.
    fn step(&mut self, words: &[&str]) {
        let rest = |from: usize| words[from.min(words.len())..].join(" ");
        let is_setting =
            SETTINGS.iter().any(|word| words.contains(word)) && !words.contains(&"says");
        if !is_setting {
            self.perform();
        }
        match words {
            ["end"] => {}
            ["delete"] => self.handle(Event::Delete { grace: None }),
            ["delete", seconds] => {
                let seconds = seconds.parse().expect("seconds");
                self.handle(Event::Delete {
                    grace: Some(GracePeriod { seconds }),
                });
            }
            ["update", ..] => {
                let spec = Arc::new(parse_pod(&rest(1)));
                self.handle(Event::Update { spec });
            }
            ["conditions", ..] => {
                let condition = |word: &&str| {
                    let (type_, status) = word.split_once('=').expect("type=status");
                    ForeignCondition {
                        type_: type_.to_owned(),
                        status: status.to_owned(),
                        reason: None,
                        message: None,
                        last_transition: EPOCH.at(self.now),
                    }
                };
                let conditions = words[1..].iter().map(condition).collect();
                self.handle(Event::Conditions { conditions });
            }
            ["evict", ..] => self.handle(Event::Evict { message: rest(1) }),
            ["sandbox", "works"] => self.sandbox = None,
            ["mounts", "fail", ..] => self.sandbox = Some(SandboxError::FailedMount(rest(2))),
            ["network", "fails", ..] => {
                self.sandbox = Some(SandboxError::FailedCreatePodSandBox(rest(2)));
            }
            ["images", "absent"] => self.present = false,
            ["images", "user", user] => self.user = (*user).to_owned(),
            ["images", "work"] => self.image = None,
            ["images", reason, ..] => self.image = Some(image_error(reason, rest(2))),
            ["starts", "work"] => self.start = None,
            ["starts", kind, ..] => self.start = Some(start_error(kind, rest(2))),
            [name, "stubborn"] => drop(self.stubborn.insert((*name).to_owned())),
            [name, "slow"] => drop(self.slow.insert((*name).to_owned())),
            [name, "fast"] => drop(self.slow.remove(*name)),
            [name, "pulling"] => {
                let container = self.find(name);
                self.handle(Event::ImagePulling { container });
            }
            [name, "pulled"] => self.pulled(self.find(name)),
            [name, "started"] => self.started(self.find(name)),
            [name, "exits", code, ..] => {
                let status = ExitStatus::Exited(code.parse().expect("a code"));
                let message = Some(rest(4)).filter(|text| !text.is_empty());
                self.exit(name, status, false, message);
            }
            [name, "dies", signal] => {
                let signal = signal.parse().expect("a signal");
                self.exit(name, ExitStatus::Signaled(signal), false, None);
            }
            [name, what, "says", result, ..] if asked(what).is_some() => {
                let result = answer(result, rest(4)).expect("an answer");
                let container = self.find(name);
                self.answer(container, asked(what).expect("a word"), result);
            }
            [name, what, result, ..] if asked(what).is_some() => {
                let word = asked(what).expect("a word").word();
                let key = ((*name).to_owned(), word);
                self.answers.insert(key, answer(result, rest(3)));
            }
            [name, "ooms"] => self.exit(name, ExitStatus::Signaled(Signal::KILL), true, None),
            _ => panic!("unknown step {words:?}"),
        }
        if !is_setting {
            self.perform();
        }
    }

    fn exit(&mut self, name: &str, status: ExitStatus, oom_killed: bool, message: Option<String>) {
        let container = self.find(name);
        let exit = Exit {
            status,
            oom_killed,
            message,
        };
        self.handle(Event::Exited { container, exit });
    }

    fn find(&self, name: &str) -> ContainerId {
        self.pod
            .find(name)
            .unwrap_or_else(|| panic!("no container {name}"))
    }

    pub(super) fn handle(&mut self, event: Event) {
        self.pod.handle(self.now, event);
    }

    /// Lets time pass up to `until`.
    pub(super) fn advance(&mut self, until: Instant) {
        self.perform();
        while let Some(at) = self.pod.poll_timeout().filter(|at| *at <= until) {
            assert!(
                self.now < at || at == Instant::ZERO,
                "no progress at {at}:\n{}",
                self.trace
            );
            self.now = at;
            self.pod.handle_timeout(at);
            self.perform();
        }
        self.now = until;
    }

    /// Performs all actions and answers them.
    fn perform(&mut self) {
        while let Some(action) = self.pod.poll_action() {
            self.write(&action);
            match action {
                Action::CreateSandbox => self.handle(match self.sandbox.clone() {
                    Some(error) => Event::SandboxFailed { error },
                    None => Event::SandboxReady {
                        pod_ip: [10, 0, 0, 2].into(),
                    },
                }),
                Action::PullImage { container, .. } if !self.is_slow(container) => {
                    self.pulled(container);
                }
                Action::Start { container, .. } if !self.is_slow(container) => {
                    self.started(container);
                }
                Action::Signal { container, signal } => {
                    if !self.stubborn.contains(self.name(container)) {
                        self.end(container, signal);
                    }
                }
                Action::Kill { container } => self.end(container, Signal::KILL),
                Action::Probe {
                    container, probe, ..
                } => {
                    self.answer_as_told(container, Asked::Probe(probe));
                }
                Action::RunHook {
                    container,
                    attempt,
                    hook,
                } => {
                    self.hooks.insert((container, hook), attempt);
                    self.answer_as_told(container, Asked::Hook(hook));
                }
                Action::PullImage { .. }
                | Action::Start { .. }
                | Action::Emit(_)
                | Action::StatusChanged
                | Action::RemoveSandbox => {}
            }
        }
    }

    fn pulled(&mut self, container: ContainerId) {
        if let Some(error) = self.image.clone() {
            return self.handle(Event::ImageFailed { container, error });
        }
        let image = ImageFacts {
            digest: "sha256:1".to_owned(),
            size: 1024,
            already_present: self.present,
            pull_time: Duration::from_millis(if self.present { 0 } else { 1200 }),
        };
        let config = ImageConfig {
            user: self.user.clone(),
            ..ImageConfig::default()
        };
        self.handle(Event::ImageReady {
            container,
            image,
            config,
        });
    }

    fn started(&mut self, container: ContainerId) {
        self.handle(match self.start.clone() {
            Some(error) => Event::StartFailed { container, error },
            None => Event::Started { container },
        });
    }

    fn answer_as_told(&mut self, container: ContainerId, asked: Asked) {
        let key = (self.name(container).to_owned(), asked.word());
        let told = self.answers.get(&key).cloned();
        if let Some(result) = told.unwrap_or(Some(ProbeResult::Success)) {
            self.answer(container, asked, result);
        }
    }

    /// The answer of a probe is for the present instance, that of a hook for the one that asked last.
    fn answer(&mut self, container: ContainerId, asked: Asked, result: ProbeResult) {
        let event = match asked {
            Asked::Probe(probe) => {
                let name = self.name(container);
                let mut all = self.pod.status().all_containers();
                let attempt = all
                    .find(|one| one.name == name)
                    .map_or(0, |one| one.restart_count);
                Event::Probed {
                    container,
                    attempt,
                    probe,
                    result,
                }
            }
            Asked::Hook(hook) => Event::HookEnded {
                container,
                attempt: self.hooks[&(container, hook)],
                hook,
                result: match result {
                    ProbeResult::Failure(text) => Err(text),
                    _ => Ok(()),
                },
            },
        };
        self.handle(event);
    }

    fn end(&mut self, container: ContainerId, signal: Signal) {
        let status = ExitStatus::Signaled(signal);
        let exit = Exit {
            status,
            oom_killed: false,
            message: None,
        };
        self.handle(Event::Exited { container, exit });
    }

    fn is_slow(&self, container: ContainerId) -> bool {
        self.slow.contains(self.name(container))
    }

    fn name(&self, container: ContainerId) -> &str {
        &self.pod.spec_of(container).name
    }

    fn write(&mut self, action: &Action) {
        let time = go_duration(self.now - Instant::ZERO);
        let name = |container: &ContainerId| self.name(*container);
        let text = match action {
            Action::CreateSandbox => "create sandbox".to_owned(),
            Action::RemoveSandbox => "remove sandbox".to_owned(),
            Action::PullImage { container, volume } => match volume {
                Some(volume) => format!("pull {} for {}", volume, name(container)),
                None => format!("pull {}", name(container)),
            },
            Action::Start { container, attempt } => format!("start {} #{attempt}", name(container)),
            Action::Probe {
                container, probe, ..
            } => format!("probe {} {probe}", name(container)),
            Action::RunHook {
                container, hook, ..
            } => format!("run {} {hook}", name(container)),
            Action::Signal { container, signal } => format!("signal {} {signal}", name(container)),
            Action::Kill { container } => format!("kill {}", name(container)),
            Action::Emit(event) => {
                let warning = if event.type_ == EventType::Warning {
                    "!"
                } else {
                    ""
                };
                let about = event
                    .container
                    .map_or("pod", |container| self.name(container));
                format!("  {warning}{} {about}: {}", event.reason, event.message)
            }
            Action::StatusChanged => {
                let now = self.pod.status().clone();
                let before = std::mem::replace(&mut self.shown, now);
                match difference(self.pod.spec(), &before, &self.shown).as_str() {
                    "" => return,
                    text => format!("    {text}"),
                }
            }
        };
        writeln!(self.trace, "{time} {text}").unwrap();
    }
}

/// Words of steps that only change how the engine will answer.
const SETTINGS: [&str; 13] = [
    "sandbox", "mounts", "network", "images", "starts", "stubborn", "slow", "fast", "works",
    "fails", "warns", "errs", "hangs",
];

/// What is new in `after`.
fn difference(spec: &spec::Pod, before: &Status, after: &Status) -> String {
    let mut parts = Vec::new();
    if before.phase != after.phase || before.conditions.is_empty() {
        parts.push(format!("[{}]", after.phase));
    }
    if before.reason != after.reason {
        parts.extend(after.reason.map(|reason| format!("({reason})")));
    }
    if let Some(deletion) = after
        .deletion
        .filter(|deletion| Some(*deletion) != before.deletion)
    {
        parts.push(format!("deleted at {}", deletion.timestamp));
    }
    if before.foreign_conditions != after.foreign_conditions {
        let all = after.foreign_conditions.iter();
        let all = all.map(|one| format!("{}={}", one.type_, one.status));
        parts.push(format!("others: {}", all.collect::<Vec<_>>().join(" ")));
    }
    for condition in &after.conditions {
        let old = before.condition(condition.type_);
        let same = |old: &&crate::pod::Condition| {
            old.status == condition.status && old.reason == condition.reason
        };
        if old.filter(same).is_none() {
            let sign = if condition.status { '+' } else { '-' };
            let reason = condition
                .reason
                .map_or(String::new(), |reason| format!("({reason})"));
            parts.push(format!("{sign}{}{reason}", condition.type_));
        }
    }
    for container in after.all_containers() {
        let old = before
            .all_containers()
            .find(|old| old.name == container.name);
        if old != Some(container) {
            let is_running = matches!(container.state, ContainerState::Running { .. });
            let is_init = |own: &spec::Container| own.name == container.name && !own.is_sidecar();
            let is_ready = container.ready || spec.init_containers.iter().any(is_init);
            let unready = match is_running && container.started && !is_ready {
                true => " unready",
                false => "",
            };
            parts.push(format!("{}={}{unready}", container.name, show(container)));
        }
    }
    parts.join(" ")
}

pub(super) fn show(container: &crate::pod::ContainerStatus) -> String {
    let mut text = match &container.state {
        ContainerState::Waiting(waiting) => waiting.reason.to_string(),
        ContainerState::Running { .. } if !container.started => "Running unstarted".to_owned(),
        ContainerState::Running { .. } => "Running".to_owned(),
        ContainerState::Terminated(ended) => format!("{}/{}", ended.reason, ended.exit_code),
    };
    let message = match &container.state {
        ContainerState::Waiting(waiting) => waiting.message.as_ref(),
        ContainerState::Running { .. } => None,
        ContainerState::Terminated(ended) => ended.message.as_ref(),
    };
    if let Some(message) = message {
        write!(text, " '{message}'").unwrap();
    }
    if let Some(last) = &container.last_state {
        write!(text, " last {}/{}", last.reason, last.exit_code).unwrap();
    }
    if container.restart_count > 0 {
        write!(text, " x{}", container.restart_count).unwrap();
    }
    text
}

fn image_error(reason: &str, message: String) -> ImageError {
    let reason = match reason {
        "unpullable" => ImageErrorReason::ErrImagePull,
        "missing" => ImageErrorReason::ErrImageNeverPull,
        "misnamed" => ImageErrorReason::InvalidImageName,
        "unreadable" => ImageErrorReason::ImageInspectError,
        _ => panic!("unknown image error {reason}"),
    };
    ImageError { reason, message }
}

fn start_error(kind: &str, message: String) -> StartError {
    match kind {
        "misconfigured" => StartError::CreateContainerConfig(message),
        "uncreatable" => StartError::CreateContainer(message),
        "fail" => StartError::Start(message),
        _ => panic!("unknown start error {kind}"),
    }
}

/// What the pod wants an answer for.
#[derive(Clone, Copy)]
enum Asked {
    Probe(ProbeKind),
    Hook(HookKind),
}

impl Asked {
    fn word(self) -> &'static str {
        match self {
            Self::Probe(ProbeKind::Startup) => "startup",
            Self::Probe(ProbeKind::Liveness) => "live",
            Self::Probe(ProbeKind::Readiness) => "ready",
            Self::Hook(HookKind::PostStart) => "poststart",
            Self::Hook(HookKind::PreStop) => "prestop",
        }
    }
}

fn asked(word: &str) -> Option<Asked> {
    let all = [
        Asked::Probe(ProbeKind::Startup),
        Asked::Probe(ProbeKind::Liveness),
        Asked::Probe(ProbeKind::Readiness),
        Asked::Hook(HookKind::PostStart),
        Asked::Hook(HookKind::PreStop),
    ];
    all.into_iter().find(|asked| asked.word() == word)
}

/// `None` when nobody answers.
fn answer(word: &str, text: String) -> Option<ProbeResult> {
    Some(match word {
        "works" => ProbeResult::Success,
        "warns" => ProbeResult::Warning(text),
        "fails" => ProbeResult::Failure(text),
        "errs" => ProbeResult::Error(text),
        "breaks" => ProbeResult::Interrupted(text),
        "hangs" => return None,
        _ => panic!("unknown answer {word}"),
    })
}
