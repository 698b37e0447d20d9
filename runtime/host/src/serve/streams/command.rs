//! Exec and attach.

use super::link::{Io, Link, Wire};
use super::{idle, is_running, protocol};
use crate::pod::Pod;
use crate::session::{Attach, Exec};
use bytes::Bytes;
use seedpod_api::server::stream::Streams;
use seedpod_api::server::stream::channel::Encoding;
use seedpod_api::server::stream::command::{CommandEvent, Outcome, RemoteCommand};
use seedpod_api::server::stream::upgrade::Upgrade;
use seedpod_core::limits::STREAM_CREATION_TIME_MAX;
use seedpod_engine::world::LogStream;
use seedpod_engine::{AttachRequest, ExecRequest};
use std::io;
use std::pin::pin;
use tokio::io::ReadHalf;
use tokio::time::timeout;

/// What a client wants to talk with.
pub(super) struct Target {
    /// Name of the container.
    container: String,
    /// `None` to join the container itself.
    command: Option<Vec<String>>,
    /// What the client has asked for.
    streams: Streams,
}

impl Target {
    pub(super) fn new(container: String, command: Option<Vec<String>>, streams: Streams) -> Self {
        Self {
            container,
            command,
            streams,
        }
    }

    /// Why it is not there, in the words of the kubelet.
    pub(super) fn absent(&self, pod: Option<&Pod>, namespace: &str, name: &str) -> Option<String> {
        let container = &self.container;
        if pod.is_some_and(|pod| is_running(pod, container)) {
            return None;
        }
        Some(match &self.command {
            Some(_) => format!("container not found ({container:?})"),
            None => format!("container {container} not found in pod {name}_{namespace}"),
        })
    }

    fn open(&self, pod: &Pod) -> Result<Session, String> {
        let container = self.container.clone();
        match &self.command {
            Some(command) => pod
                .exec(ExecRequest {
                    container,
                    command: command.clone(),
                    stdin: self.streams.stdin,
                    tty: self.streams.tty,
                })
                .map(|exec| Session::Exec(exec, command.clone()))
                .map_err(|error| error.to_string()),
            None => pod
                .attach(&AttachRequest {
                    container,
                    stdin: self.streams.stdin,
                })
                .map(Session::Attach)
                .map_err(|error| format!("error attaching to container: {error}")),
        }
    }
}

enum Session {
    Exec(Exec, Vec<String>),
    Attach(Attach),
}

impl Session {
    async fn write(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Exec(exec, _) => exec.write(bytes).await,
            Self::Attach(attach) => attach.write(bytes).await,
        }
    }

    fn close_stdin(&self) {
        match self {
            Self::Exec(exec, _) => exec.close_stdin(),
            Self::Attach(attach) => attach.close_stdin(),
        }
    }

    async fn read(&self) -> Option<(LogStream, Bytes)> {
        match self {
            Self::Exec(exec, _) => exec.read().await,
            Self::Attach(attach) => attach.read().await,
        }
    }

    async fn outcome(&self) -> Outcome {
        match self {
            Self::Attach(_) => Outcome::Success,
            Self::Exec(exec, command) => match exec.wait().await.code() {
                0 => Outcome::Success,
                code => Outcome::Exited {
                    code,
                    command: command.clone(),
                },
            },
        }
    }
}

/// Talks until the command or the client has ended. Without a pod there is only a reason why not.
pub(super) async fn run(io: Io, agreed: &Upgrade, target: Target, pod: Result<Pod, String>) {
    let (machine, wire) = match agreed {
        Upgrade::Spdy { version } => (
            RemoteCommand::over_spdy(version, target.streams),
            Wire::plain(),
        ),
        agreed => {
            let protocol = protocol(agreed);
            let is_text = Encoding::of(protocol).is_text();
            let machine = RemoteCommand::over_channels(protocol, target.streams);
            (machine, Wire::websocket(is_text))
        }
    };
    let link = Link::new(machine, wire);
    let (mut reader, mut writer) = tokio::io::split(io);
    let mut write = pin!(link.write(&mut writer));
    let outcome = tokio::select! {
        outcome = talk(&link, &mut reader, &target, pod) => outcome,
        () = &mut write => None,
        () = idle(|| link.last()) => None,
    };
    if let Some(outcome) = outcome {
        link.with(|machine| machine.finish(&outcome));
        link.close(&mut reader, write).await;
    }
}

/// How it ended; `None` when the client has gone.
async fn talk(
    link: &Link<RemoteCommand>,
    reader: &mut ReadHalf<Io>,
    target: &Target,
    pod: Result<Pod, String>,
) -> Option<Outcome> {
    timeout(STREAM_CREATION_TIME_MAX, ready(link, reader))
        .await
        .ok()??;
    let session = match pod.and_then(|pod| target.open(&pod)) {
        Ok(session) => session,
        Err(error) => return Some(Outcome::Failed(error)),
    };
    if !target.streams.stdin {
        session.close_stdin();
    }
    tokio::select! {
        outcome = output(link, &session) => Some(outcome),
        () = input(link, reader, &session) => None,
    }
}

/// Waits until the client has opened all streams; `None` when it has gone instead.
async fn ready(link: &Link<RemoteCommand>, reader: &mut ReadHalf<Io>) -> Option<()> {
    loop {
        match link.with(RemoteCommand::next_event) {
            Some(CommandEvent::Ready) => return Some(()),
            // A size that comes early is of a terminal that has none.
            Some(_) => {}
            None => link.receive(reader).await.ok()?,
        }
    }
}

/// Gives the session what the client sends, until the client goes.
async fn input(link: &Link<RemoteCommand>, reader: &mut ReadHalf<Io>, session: &Session) {
    loop {
        while let Some(event) = link.with(RemoteCommand::next_event) {
            match event {
                CommandEvent::Stdin(bytes) => {
                    if let Err(error) = session.write(&bytes).await {
                        tracing::debug!(%error, "nobody reads standard input");
                    }
                    link.with(|machine| machine.consume_stdin(bytes.len()));
                }
                CommandEvent::StdinEnd => session.close_stdin(),
                CommandEvent::Ready | CommandEvent::Resize(_) => {}
            }
        }
        if link.receive(reader).await.is_err() {
            return;
        }
    }
}

/// Gives the client what the session says, until its end.
async fn output(link: &Link<RemoteCommand>, session: &Session) -> Outcome {
    while let Some((stream, mut bytes)) = session.read().await {
        let is_stderr = stream == LogStream::Stderr;
        while !bytes.is_empty() {
            let room = link.room(|machine| Some(machine.room(is_stderr))).await;
            let count = bytes.len().min(room.unwrap_or_default());
            let piece = bytes.split_to(count);
            link.with(|machine| machine.write(is_stderr, &piece));
        }
    }
    session.outcome().await
}
