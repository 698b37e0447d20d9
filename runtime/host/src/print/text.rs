//! Lines for people.

use seedpod::spec;
use seedpod::status::{
    ContainerState, EventType, Phase, PodEvent, Status, Terminated, TerminatedReason, WaitingReason,
};
use seedpod::{LogLine, Pod, PodName};

/// `[pod/container] line`; a part of a long line is a line.
pub(super) fn log(pod: &PodName, line: &LogLine, colours: bool) -> Vec<u8> {
    let prefix = format!("[{}/{}]", pod.name, line.container);
    let mut text = if colours {
        paint(&prefix, colour_of(&prefix)).into_bytes()
    } else {
        prefix.into_bytes()
    };
    text.push(b' ');
    text.extend_from_slice(&line.bytes);
    text.push(b'\n');
    text
}

/// `[pod/container] Normal Started: Container started`
pub(super) fn event(
    pod: &PodName,
    spec: Option<&spec::Pod>,
    event: &PodEvent,
    colours: bool,
) -> String {
    let kind = event.type_.to_string();
    let kind = match event.type_ {
        EventType::Warning if colours => paint(&kind, YELLOW),
        EventType::Warning | EventType::Normal => kind,
    };
    let container = event
        .container
        .and_then(|id| spec?.all_containers().nth(id.index()));
    let container = container.map_or_else(String::new, |container| format!("/{}", container.name));
    let (reason, message) = (event.reason, indent(&event.message));
    format!("[{}{container}] {kind} {reason}: {message}\n", pod.name)
}

/// `[pod/container] Error, exit code 1: message`, in the order of the spec, for what did not succeed.
pub(super) fn closing(pod: &Pod, status: &Status, colours: bool) -> Vec<String> {
    let name = &pod.name().name;
    let red = |text: String| if colours { paint(&text, RED) } else { text };
    let mut lines = Vec::new();
    if let Some(reason) = status.reason {
        let message = status.message.as_deref().unwrap_or_default();
        lines.push(format!(
            "[{name}] {}{}\n",
            red(reason.to_string()),
            after_colon(message)
        ));
    }
    for spec in pod.spec().all_containers() {
        let Some(container) = status
            .all_containers()
            .find(|container| container.name == spec.name)
        else {
            continue;
        };
        let (reason, message) = match &container.state {
            ContainerState::Running { .. } => continue,
            ContainerState::Waiting(waiting) => match waiting.reason {
                WaitingReason::ContainerCreating | WaitingReason::PodInitializing => continue,
                reason => (reason.to_string(), &waiting.message),
            },
            ContainerState::Terminated(end) => match end.reason {
                TerminatedReason::Completed => continue,
                // The pod stops its sidecars when the rest is done; how they end does not count.
                _ if spec.is_sidecar() && status.phase == Phase::Succeeded => continue,
                reason => (
                    format!("{reason}, exit code {}", end.exit_code),
                    &end.message,
                ),
            },
        };
        let message = message.as_deref().unwrap_or_default();
        lines.push(format!(
            "[{name}/{}] {}{}\n",
            spec.name,
            red(reason),
            after_colon(message)
        ));
    }
    lines
}

/// `[pod/container] Error, exit code 1, starts again: message`, for an instance that another one follows.
pub(super) fn failed(pod: &PodName, container: &str, end: &Terminated, colours: bool) -> String {
    let reason = format!("{}, exit code {}", end.reason, end.exit_code);
    let reason = if colours {
        paint(&reason, YELLOW)
    } else {
        reason
    };
    let message = end.message.as_deref().unwrap_or_default();
    format!(
        "[{}/{container}] {reason}, starts again{}\n",
        pod.name,
        after_colon(message)
    )
}

fn after_colon(message: &str) -> String {
    let message = message.trim_end();
    if message.is_empty() {
        String::new()
    } else {
        format!(": {}", indent(message))
    }
}

/// Further lines of a message stand under its first.
fn indent(message: &str) -> String {
    message.replace('\n', "\n    ")
}

const RED: u8 = 31;
const YELLOW: u8 = 33;
/// Cyan, green, magenta, blue and their bright forms.
const PREFIX_COLOURS: [u8; 8] = [36, 32, 35, 34, 96, 92, 95, 94];

fn paint(text: &str, colour: u8) -> String {
    format!("\x1b[{colour}m{text}\x1b[0m")
}

/// The same for the same container in every run.
fn colour_of(prefix: &str) -> u8 {
    let sum: usize = prefix.bytes().map(usize::from).sum();
    PREFIX_COLOURS[sum % PREFIX_COLOURS.len()]
}
