//! What drives the pods of a test.

use std::net::SocketAddr;

use seedpod_core::podtest::{
    Bodies, Data, Drive, DriveAction, Expect, FileTarget, HttpRequest, Start, slashed,
};
use seedpod_core::process::Signal;

use super::wire::{OneOrMore, TestStep};
use super::{bounded, duration, expression, one_of, parsed, place, required, wire};
use crate::error::Problem;
use crate::log::Object;
use crate::tree::Path;

pub(super) fn steps(object: &Object<'_>, at: &Path<'_>, mut written: Vec<TestStep>) -> Vec<Drive> {
    bounded(object, at, &mut written);
    let mut steps = Vec::new();
    for (index, (number, step)) in (0..).zip(written).enumerate() {
        steps.extend(read_step(object, &at.index(index), number, step));
    }
    steps
}

fn read_step(object: &Object<'_>, at: &Path<'_>, number: u32, step: TestStep) -> Option<Drive> {
    let choices = [
        ("publish", step.publish.is_some()),
        ("http", step.http.is_some()),
        ("tcp", step.tcp.is_some()),
        ("exec", step.exec.is_some()),
        ("write", step.write.is_some()),
        ("signal", step.signal.is_some()),
        ("delete", step.delete.is_some()),
        ("apply", step.apply.is_some()),
        ("wait", step.wait.is_some()),
    ];
    let start = match duration(object, &at.field("at"), step.at) {
        Some(at) => Start::At(at),
        None => Start::AfterPrevious,
    };
    let within = duration(object, &at.field("within"), step.within).unwrap_or(Drive::WITHIN);
    if !one_of(object, at, &choices) {
        return None;
    }
    let action = if let Some(step) = step.publish {
        publish(object, &at.field("publish"), step)
    } else if let Some(step) = step.http {
        http(object, &at.field("http"), step)?
    } else if let Some(step) = step.tcp {
        let at = at.field("tcp");
        let to = address(object, &at.field("to"), step.to);
        let send = data(object, &at, ("send", step.send), step.file);
        let send = send.unwrap_or_else(|| Data::Inline(String::new()));
        DriveAction::Tcp { to, send }
    } else if let Some(step) = step.exec {
        exec(object, &at.field("exec"), step)
    } else if let Some(step) = step.write {
        write(object, &at.field("write"), step)?
    } else if let Some(step) = step.signal {
        signal(object, &at.field("signal"), step)
    } else if let Some(step) = step.delete {
        let at = at.field("delete");
        DriveAction::Delete {
            pod: step.pod,
            grace: duration(object, &at.field("grace"), step.grace),
        }
    } else if let Some(step) = step.apply {
        let at = at.field("apply");
        let manifest = data(object, &at, ("text", step.text), step.file);
        if manifest.is_none() {
            object.required(&at, "text or file");
        }
        DriveAction::Apply(manifest?)
    } else {
        DriveAction::Wait(expression(object, &at.field("wait"), step.wait))
    };
    let expect_at = at.field("expect");
    let expect = expectation(object, &expect_at, step.expect.unwrap_or_default(), &action);
    Some(Drive {
        number,
        place: place(object, at),
        start,
        action,
        expect,
        within,
    })
}

fn expectation(
    object: &Object<'_>,
    at: &Path<'_>,
    written: wire::TestExpect,
    action: &DriveAction,
) -> Expect {
    let fits: &[&str] = match action {
        DriveAction::Http(_) => &["status", "body"],
        DriveAction::Tcp { .. } => &["body"],
        DriveAction::Exec { .. } => &["exitCode", "output"],
        _ => &[],
    };
    let there = [
        ("status", written.status.is_some()),
        ("body", written.body.is_some()),
        ("exitCode", written.exit_code.is_some()),
        ("output", written.output.is_some()),
    ];
    for (field, there) in there {
        if there && !fits.contains(&field) {
            let known = match fits {
                [] => "it has nothing to expect".to_owned(),
                fits => format!("expect {}", fits.join(" or ")),
            };
            let detail = format!("not of {}: {known}", action.word());
            object.forbidden(&at.field(field), &detail);
        }
    }
    Expect {
        status: written.status,
        exit_code: written.exit_code,
        output: written.output.or(written.body),
    }
}

fn signal(object: &Object<'_>, at: &Path<'_>, step: wire::SignalStep) -> DriveAction {
    let signal_at = at.field("signal");
    if step.signal.is_none() {
        object.required(&signal_at, "such as TERM");
    }
    let signal: Option<Signal> = parsed(object, &signal_at, step.signal);
    DriveAction::Signal {
        pod: step.pod,
        container: required(object, &at.field("container"), step.container),
        signal: signal.unwrap_or(Signal::TERM).number(),
    }
}

fn publish(object: &Object<'_>, at: &Path<'_>, step: wire::PublishStep) -> DriveAction {
    let bodies_at = at.field("bodies");
    let bodies = match step.bodies {
        Some(OneOrMore::One(path)) if !path.is_empty() => Bodies::Lines(path),
        Some(OneOrMore::More(bodies)) if !bodies.is_empty() => Bodies::Inline(bodies),
        _ => {
            let detail = "a list of messages, or the path of a file with one in each line";
            object.required(&bodies_at, detail);
            Bodies::Inline(Vec::new())
        }
    };
    DriveAction::Publish {
        pod: step.pod,
        queue: slashed(&required(object, &at.field("queue"), step.queue)),
        bodies,
        every: duration(object, &at.field("every"), step.every).unwrap_or_default(),
        priority: step.priority.unwrap_or_default(),
    }
}

fn http(object: &Object<'_>, at: &Path<'_>, step: wire::HttpStep) -> Option<DriveAction> {
    let methods = [
        ("get", step.get),
        ("head", step.head),
        ("post", step.post),
        ("put", step.put),
        ("patch", step.patch),
        ("delete", step.delete),
    ];
    let choices = methods
        .each_ref()
        .map(|(word, path)| (*word, path.is_some()));
    let to = address(object, &at.field("to"), step.to);
    let body = data(object, at, ("body", step.body), step.file);
    let headers = step.headers.unwrap_or_default();
    let headers_at = at.field("headers");
    for (name, value) in &headers {
        let is_token =
            |byte: u8| byte.is_ascii_graphic() && !b"(),/:;<=>?@[\\]{}\"".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) || value.0.contains(['\r', '\n', '\0']) {
            object.invalid(&headers_at.key(name), &value.0, "is no header of HTTP");
        }
    }
    if !one_of(object, at, &choices) {
        return None;
    }
    let (method, path) = methods
        .into_iter()
        .find_map(|(method, path)| path.map(|path| (method, path)))?;
    if !path.starts_with('/') || path.contains(|letter: char| letter.is_control() || letter == ' ')
    {
        let detail = "must be a path that begins with a slash and has no spaces";
        object.invalid(&at.field(method), &path, detail);
    }
    Some(DriveAction::Http(HttpRequest {
        to,
        method: method.to_uppercase(),
        path,
        headers: headers
            .into_iter()
            .map(|(name, value)| (name, value.0))
            .collect(),
        body,
    }))
}

fn exec(object: &Object<'_>, at: &Path<'_>, step: wire::ExecStep) -> DriveAction {
    if step.command.is_empty() {
        object.required(&at.field("command"), "");
    }
    DriveAction::Exec {
        pod: step.pod,
        container: required(object, &at.field("container"), step.container),
        command: step.command,
        stdin: data(object, at, ("stdin", step.stdin), step.file),
    }
}

fn write(object: &Object<'_>, at: &Path<'_>, step: wire::WriteStep) -> Option<DriveAction> {
    let path_at = at.field("path");
    let text = required(object, &path_at, step.path);
    let data = data(object, at, ("text", step.text), step.file);
    if data.is_none() {
        object.required(at, "text or file");
    }
    match FileTarget::parse(&text) {
        Some(path) => Some(DriveAction::Write { path, data: data? }),
        None => {
            let detail = "must be volume:path, container:/path or /path";
            object.invalid(&path_at, &text, detail);
            None
        }
    }
}

/// `text` written in the test, or the content of `file`.
fn data(
    object: &Object<'_>,
    at: &Path<'_>,
    (field, text): (&'static str, Option<String>),
    file: Option<String>,
) -> Option<Data> {
    match (text, file) {
        (Some(_), Some(_)) => {
            object.forbidden(&at.field("file"), &format!("there is already {field}"));
            None
        }
        (Some(text), None) => Some(Data::Inline(text)),
        (None, Some(path)) => Some(Data::File(path)),
        (None, None) => None,
    }
}

/// `name:port` or `address:port`.
fn address(object: &Object<'_>, at: &Path<'_>, text: Option<String>) -> String {
    let text = required(object, at, text);
    let is_good = text.parse::<SocketAddr>().is_ok()
        || text.rsplit_once(':').is_some_and(|(name, port)| {
            !name.is_empty()
                && !name.contains(':')
                && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
    if !text.is_empty() && !is_good {
        let problem = Problem::Invalid {
            value: format!("{text:?}"),
            detail: "must be a container, pod, Service or address, a colon and a port".to_owned(),
        };
        object.error(at, problem);
    }
    text
}
