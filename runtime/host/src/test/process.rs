//! A worker process, as the command sees it.

use super::protocol::{self, Reply, Request};
use seedpod_sim::explore::Stop;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// How long one answer may take: no run of a test should need more real time than this.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(120);

/// How a worker process is started.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    /// Folder of compiled code.
    pub(crate) cache: Option<PathBuf>,
    /// Whether it compiles without optimization.
    pub(crate) unoptimized: bool,
    /// Where it works.
    pub(crate) folder: PathBuf,
    /// All its environment.
    pub(crate) environment: BTreeMap<OsString, OsString>,
}

/// A worker process. It ends with this.
pub(crate) struct Worker {
    child: Child,
    input: Option<BufWriter<ChildStdin>>,
}

/// What comes from workers.
pub(crate) enum Message {
    /// An answer.
    Reply(Reply),
    /// Nothing more: it has ended, or said something that is no answer.
    End(String),
}

/// Where the answers of several workers arrive, with the position of the worker.
pub(crate) struct Inbox {
    sender: Sender<(usize, Message)>,
    receiver: Receiver<(usize, Message)>,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = mpsc::channel();
        Self { sender, receiver }
    }

    /// The next message, after a while.
    pub(crate) fn wait(&self) -> Result<(usize, Message), Stop> {
        match self.receiver.recv_timeout(ANSWER_TIME_MAX) {
            Ok(message) => Ok(message),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                Err(Stop::Infrastructure(format!(
                    "a run has taken more than {} seconds of real time",
                    ANSWER_TIME_MAX.as_secs()
                )))
            }
        }
    }

    /// A message that is there already.
    pub(crate) fn take(&self) -> Option<(usize, Message)> {
        self.receiver.try_recv().ok()
    }
}

impl Worker {
    /// Starts a process of this program; its answers go to `inbox` as those of `index`.
    pub(crate) fn start(start: &Start, index: usize, inbox: &Inbox) -> Result<Self, Stop> {
        let failed = |error| Stop::Infrastructure(format!("cannot start a worker: {error}"));
        let program = std::env::current_exe().map_err(failed)?;
        let mut command = command(&program, start);
        let mut child = command.spawn().map_err(failed)?;
        let input = child.stdin.take().map(BufWriter::new);
        if let Some(output) = child.stdout.take() {
            let sender = inbox.sender.clone();
            thread::spawn(move || {
                let mut output = BufReader::new(output);
                loop {
                    let message = match protocol::read(&mut output) {
                        Ok(Some(reply)) => Message::Reply(reply),
                        Ok(None) => Message::End("it has ended".to_owned()),
                        Err(error) => Message::End(format!("it does not make sense: {error}")),
                    };
                    let is_end = matches!(message, Message::End(_));
                    if sender.send((index, message)).is_err() || is_end {
                        return;
                    }
                }
            });
        }
        Ok(Self { child, input })
    }

    /// Sends a request. One that has ended is noticed when its answer is missing.
    pub(crate) fn send(&mut self, request: &Request) {
        let Some(input) = &mut self.input else { return };
        if protocol::write(request, input).is_err() || input.flush().is_err() {
            self.input = None;
        }
    }

    /// How it ended, once it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.wait().ok()
    }
}

fn command(program: &Path, start: &Start) -> Command {
    let mut command = Command::new(program);
    command.arg("simulate-worker");
    if let Some(cache) = &start.cache {
        command.arg("--code").arg(cache);
    }
    if start.unoptimized {
        command.arg("--unoptimized");
    }
    command
        .env_clear()
        .envs(&start.environment)
        .current_dir(&start.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    // What Windows needs to start anything at all.
    for name in ["SystemRoot", "TEMP"] {
        if let (true, Some(value)) = (cfg!(windows), std::env::var_os(name)) {
            command.env(name, value);
        }
    }
    command
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may be in the middle of a run that nobody wants any more; one that has ended cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
