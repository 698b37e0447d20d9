//! One step of a drive while it is done.

use super::Stage;
use super::connection::{Connection, Received};
use bytes::Bytes;
use seedpod_api::Source;
use seedpod_core::ipc;
use seedpod_core::limits::TEST_OUTPUT_BYTES_MAX;
use seedpod_core::podtest::{
    Bodies, Data, Drive, DriveAction, Expect, FileTarget, HttpRequest, PodTest,
};
use seedpod_core::probe_client::Exchange;
use seedpod_core::process::{ExitStatus, Signal};
use seedpod_core::spec::GracePeriod;
use seedpod_core::time::Instant;
use seedpod_core::volume::{Caller, put};
use seedpod_engine::{ExecError, ExecRequest, ExecSession};
use std::collections::VecDeque;
use std::task::{Poll, Waker};

/// What is under way.
pub(super) enum Work {
    Publish {
        bodies: VecDeque<Vec<u8>>,
        next: Instant,
    },
    Http {
        connection: Connection,
        exchange: Exchange,
    },
    Tcp {
        connection: Connection,
        received: Vec<u8>,
    },
    Exec(Option<Exec>),
    /// It is done at once, or tried again.
    Other,
}

/// A program that runs.
pub(super) struct Exec {
    session: ExecSession,
    stdin: Bytes,
    output: Vec<u8>,
    exit: Option<ExitStatus>,
}

/// How far a step is.
pub(super) enum Progress {
    /// It is not done, and why.
    Pending(String),
    Done,
    Failed(String),
}

impl Work {
    pub(super) fn new(drive: &Drive, test: &PodTest, now: Instant) -> Self {
        match &drive.action {
            DriveAction::Publish { bodies, .. } => Self::Publish {
                bodies: messages(bodies, test),
                next: now,
            },
            DriveAction::Http(request) => {
                let body = request.body.as_ref().map(|body| test.content(body));
                let (exchange, bytes) = Exchange::new(request, &body.unwrap_or_default());
                Self::Http {
                    connection: Connection::new(bytes),
                    exchange,
                }
            }
            DriveAction::Tcp { send, .. } => Self::Tcp {
                connection: Connection::new(test.content(send)),
                received: Vec::new(),
            },
            DriveAction::Exec { .. } => Self::Exec(None),
            DriveAction::Write { .. }
            | DriveAction::Signal { .. }
            | DriveAction::Delete { .. }
            | DriveAction::Apply(_)
            | DriveAction::Wait(_) => Self::Other,
        }
    }

    /// When it goes on whatever pods do.
    pub(super) fn next(&self) -> Option<Instant> {
        match self {
            Self::Publish { next, .. } => Some(*next),
            Self::Http { .. } | Self::Tcp { .. } | Self::Exec(_) | Self::Other => None,
        }
    }

    pub(super) fn advance(&mut self, drive: &Drive, stage: &mut Stage<'_>) -> Progress {
        match (self, &drive.action) {
            (Self::Publish { bodies, next }, action) => publish(bodies, next, action, stage),
            (
                Self::Http {
                    connection,
                    exchange,
                },
                DriveAction::Http(request),
            ) => http(connection, exchange, request, &drive.expect, stage),
            (
                Self::Tcp {
                    connection,
                    received,
                },
                DriveAction::Tcp { to, .. },
            ) => tcp(connection, received, to, &drive.expect, stage),
            (Self::Exec(exec), action) => run(exec, action, &drive.expect, stage),
            (_, DriveAction::Write { path, data }) => write(path, data, stage),
            (
                _,
                DriveAction::Signal {
                    pod,
                    container,
                    signal,
                },
            ) => kill(pod.as_deref(), container, *signal, stage),
            (_, DriveAction::Delete { pod, grace }) => {
                let grace = grace.map(|grace| GracePeriod {
                    seconds: u32::try_from(grace.as_secs()).unwrap_or(u32::MAX),
                });
                delete(pod.as_deref(), grace, stage)
            }
            (_, DriveAction::Apply(data)) => apply(data, stage),
            (_, DriveAction::Wait(condition)) => match stage.properties.is_true(condition) {
                Ok(true) => {
                    stage.simulation.note("drive.wait", "", &condition.text);
                    Progress::Done
                }
                Ok(false) => Progress::Pending(format!("`{}` is false", condition.text)),
                Err(message) => Progress::Failed(format!("`{}`: {message}", condition.text)),
            },
            (Self::Http { .. } | Self::Tcp { .. } | Self::Other, _) => Progress::Done,
        }
    }
}

fn messages(bodies: &Bodies, test: &PodTest) -> VecDeque<Vec<u8>> {
    match bodies {
        Bodies::Inline(texts) => texts.iter().map(|text| text.clone().into_bytes()).collect(),
        Bodies::Lines(path) => {
            let content = test.content(&Data::File(path.clone()));
            let lines = content.split(|byte| *byte == b'\n');
            let lines = lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line));
            lines
                .filter(|line| !line.is_empty())
                .map(<[u8]>::to_vec)
                .collect()
        }
    }
}

fn publish(
    bodies: &mut VecDeque<Vec<u8>>,
    next: &mut Instant,
    action: &DriveAction,
    stage: &mut Stage<'_>,
) -> Progress {
    let DriveAction::Publish {
        pod,
        queue,
        every,
        priority,
        ..
    } = action
    else {
        return Progress::Done;
    };
    let pods = stage.properties.view().pods(pod.as_deref());
    let now = stage.simulation.now();
    while let Some(body) = bodies.front() {
        if *next > now {
            return Progress::Pending(format!("{} messages are left", bodies.len()));
        }
        let has = |pod: &&seedpod_engine::PodHandle| {
            pod.with(|kernel| kernel.ipc.look_at_queue(queue)).is_some()
        };
        let Some(pod) = pods.iter().find(has) else {
            return Progress::Pending(format!("there is no queue {queue}"));
        };
        match pod.with(|kernel| kernel.ipc.mq_publish(queue, body.clone(), *priority)) {
            Ok(()) => {}
            Err(ipc::Error::Again) => return Progress::Pending(format!("queue {queue} is full")),
            Err(error) => return Progress::Failed(format!("queue {queue}: {error}")),
        }
        let text = String::from_utf8_lossy(body).into_owned();
        stage
            .simulation
            .note("drive.publish", &format!("mq:{queue}"), &text);
        bodies.pop_front();
        *next += *every;
    }
    Progress::Done
}

fn http(
    connection: &mut Connection,
    exchange: &mut Exchange,
    request: &HttpRequest,
    expect: &Expect,
    stage: &mut Stage<'_>,
) -> Progress {
    let (status, body) = loop {
        let answer = match connection.poll(&request.to, stage) {
            Received::Nothing(why) => return Progress::Pending(why),
            Received::Failed(why) => return Progress::Failed(why),
            Received::Bytes(bytes) => exchange.handle(&bytes),
            Received::End => exchange.end().map(Some),
        };
        match answer {
            Ok(Some(answer)) => break answer,
            Ok(None) => {}
            Err(message) => return Progress::Failed(format!("{}: {message}", request.to)),
        }
    };
    let what = format!("{} {}{}", request.method, request.to, request.path);
    stage
        .simulation
        .note("drive.http", &what, &status.to_string());
    let text = String::from_utf8_lossy(&body);
    let is_wanted = match expect.status {
        Some(wanted) => status == wanted,
        None => status < 400,
    };
    if !is_wanted {
        let wanted = match expect.status {
            Some(wanted) => wanted.to_string(),
            None => "one below 400".to_owned(),
        };
        return Progress::Failed(format!(
            "{what} has status {status}, not {wanted}: {}",
            cut(&text)
        ));
    }
    contains(&what, &text, expect)
}

fn contains(what: &str, text: &str, expect: &Expect) -> Progress {
    match &expect.output {
        Some(wanted) if !text.contains(wanted.as_str()) => {
            let found = cut(text);
            Progress::Failed(format!("{what} has no {wanted:?}, but {found:?}"))
        }
        _ => Progress::Done,
    }
}

/// The beginning of a text.
fn cut(text: &str) -> String {
    const CHARS_MAX: usize = 200;
    text.trim_end().chars().take(CHARS_MAX).collect()
}

fn tcp(
    connection: &mut Connection,
    received: &mut Vec<u8>,
    to: &str,
    expect: &Expect,
    stage: &mut Stage<'_>,
) -> Progress {
    loop {
        let is_over = match connection.poll(to, stage) {
            Received::Nothing(_) if connection.is_sent() && expect.output.is_none() => true,
            Received::Nothing(why) => return Progress::Pending(why),
            Received::Failed(why) => return Progress::Failed(why),
            Received::Bytes(bytes) => {
                let room = TEST_OUTPUT_BYTES_MAX.saturating_sub(received.len());
                received.extend_from_slice(&bytes[..bytes.len().min(room)]);
                false
            }
            Received::End => true,
        };
        let text = String::from_utf8_lossy(received);
        let wanted = expect.output.as_deref();
        if wanted.is_some_and(|wanted| text.contains(wanted)) || is_over {
            stage.simulation.note("drive.tcp", to, &cut(&text));
            return contains(to, &text, expect);
        }
    }
}

fn run(
    exec: &mut Option<Exec>,
    action: &DriveAction,
    expect: &Expect,
    stage: &mut Stage<'_>,
) -> Progress {
    let DriveAction::Exec {
        pod,
        container,
        command,
        stdin,
    } = action
    else {
        return Progress::Done;
    };
    if exec.is_none() {
        let request = ExecRequest {
            container: container.clone(),
            command: command.clone(),
            stdin: stdin.is_some(),
            tty: false,
        };
        let input = stdin.as_ref().map(|stdin| stage.test.content(stdin));
        *exec = match start(pod.as_deref(), request, input.unwrap_or_default(), stage) {
            Ok(exec) => Some(exec),
            Err(progress) => return progress,
        };
    }
    let Some(exec) = exec else {
        return Progress::Done;
    };
    let Some(exit) = exec.advance() else {
        return Progress::Pending(format!("{} runs", command.join(" ")));
    };
    let what = format!("{} in {container}", command.join(" "));
    let text = String::from_utf8_lossy(&exec.output);
    stage
        .simulation
        .note("drive.exec", &what, &exit.code().to_string());
    let wanted = expect.exit_code.unwrap_or(0);
    if exit.code() != wanted {
        let code = exit.code();
        return Progress::Failed(format!(
            "{what} ended with {code}, not {wanted}: {}",
            cut(&text)
        ));
    }
    contains(&what, &text, expect)
}

fn start(
    pod: Option<&str>,
    mut request: ExecRequest,
    stdin: Bytes,
    stage: &Stage<'_>,
) -> Result<Exec, Progress> {
    let found = stage.properties.view().pod_of(pod, &request.container);
    let (pod, container) = found.map_err(Progress::Pending)?;
    request.container = container;
    match pod.exec(request) {
        Ok(session) => Ok(Exec {
            session,
            stdin,
            output: Vec::new(),
            exit: None,
        }),
        Err(error @ ExecError::NotRunning(_)) => Err(Progress::Pending(error.to_string())),
        Err(error) => Err(Progress::Failed(error.to_string())),
    }
}

impl Exec {
    /// How it has ended, once it has and everything it wrote is here.
    fn advance(&mut self) -> Option<ExitStatus> {
        let streams = &self.session.streams;
        while !self.stdin.is_empty() {
            match streams.poll_write(&self.stdin, Waker::noop()) {
                Poll::Ready(Ok(written)) => drop(self.stdin.split_to(written)),
                // It reads no more.
                Poll::Ready(Err(_)) => self.stdin.clear(),
                Poll::Pending => break,
            }
        }
        if self.stdin.is_empty() && streams.has_stdin() {
            streams.close_stdin();
        }
        if let Poll::Ready(status) = self.session.poll_exit(Waker::noop()) {
            self.exit = Some(status);
        }
        while let Poll::Ready(Some((_, bytes))) = streams.poll_output(Waker::noop()) {
            let room = TEST_OUTPUT_BYTES_MAX.saturating_sub(self.output.len());
            self.output
                .extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        self.exit
    }
}

fn write(path: &FileTarget, data: &Data, stage: &mut Stage<'_>) -> Progress {
    let (pod, name, inner) = match stage.properties.view().target(path) {
        Ok(target) => target,
        Err(why) => return Progress::Pending(why),
    };
    let Some(volume) = pod.volume(&name) else {
        return Progress::Pending(format!("volume {name} is not mounted yet"));
    };
    let caller = Caller::host(stage.simulation.wall_time());
    if let Err(errno) = put(&*volume, caller, &inner, &stage.test.content(data)) {
        return Progress::Failed(format!("{path}: {errno}"));
    }
    let object = format!("vol:{name}/{inner}");
    stage.simulation.note("drive.write", &object, "");
    Progress::Done
}

fn kill(pod: Option<&str>, container: &str, signal: u8, stage: &mut Stage<'_>) -> Progress {
    let (pod, container) = match stage.properties.view().pod_of(pod, container) {
        Ok(found) => found,
        Err(why) => return Progress::Pending(why),
    };
    let Some(signal) = Signal::new(signal) else {
        return Progress::Failed(format!("there is no signal {signal}"));
    };
    let is_sent = pod.with(|kernel| {
        let first = kernel.processes.alive_in(&container).into_iter().next();
        first.map(|process| kernel.processes.signal(process, signal))
    });
    if is_sent.is_none() {
        return Progress::Pending(format!("container {container} does not run"));
    }
    pod.wake();
    stage
        .simulation
        .note("drive.signal", &container, &signal.to_string());
    Progress::Done
}

fn delete(pod: Option<&str>, grace: Option<GracePeriod>, stage: &mut Stage<'_>) -> Progress {
    let pods = stage.properties.view().pods(pod);
    if pods.is_empty() {
        return Progress::Pending("it has not started".to_owned());
    }
    for pod in pods {
        pod.delete(grace);
        stage.simulation.note("drive.delete", &pod.name().name, "");
    }
    Progress::Done
}

fn apply(data: &Data, stage: &mut Stage<'_>) -> Progress {
    let source = Source {
        name: match data {
            Data::Inline(_) => "apply".to_owned(),
            Data::File(path) => path.clone(),
        },
        bytes: stage.test.content(data).to_vec(),
    };
    let objects = match seedpod_api::load(std::slice::from_ref(&source)) {
        Ok(loaded) => loaded.objects,
        Err(errors) => {
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            return Progress::Failed(texts.join("; "));
        }
    };
    if let Err(error) = stage.simulation.apply(&objects) {
        return Progress::Failed(error.to_string());
    }
    for pod in &objects.pods {
        if let Some(handle) = stage.simulation.pod(&pod.meta.name) {
            stage.properties.view().add_pod(handle);
        }
    }
    stage.simulation.note("drive.apply", &source.name, "");
    Progress::Done
}
