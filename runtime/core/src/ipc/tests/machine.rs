//! Processes named by a letter that make calls in a namespace.

use crate::ipc::{
    Attempt, Blocking, Caller, Create, Error, Handle, Message, MqueueLimits, Namespace, OpenHow,
    ReceiveHow, Run, SemaphoreId, SetOperation, WaitId,
};
use crate::process::{ProcessId, Program, Table};
use crate::time::{Instant, Timers};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

pub(super) struct Machine {
    pub(super) ipc: Namespace,
    pub(super) timers: Timers,
    now: Instant,
    processes: BTreeMap<char, ProcessId>,
    handles: BTreeMap<(char, String), Handle>,
    unnamed: BTreeMap<String, SemaphoreId>,
    ids: BTreeMap<String, i32>,
    waiting: BTreeMap<char, WaitId>,
    woken: Arc<Mutex<Vec<char>>>,
    transcript: String,
}

struct Flag(char, Arc<Mutex<Vec<char>>>);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.1.lock().unwrap().push(self.0);
    }
}

impl Default for Machine {
    fn default() -> Self {
        let mut table = Table::default();
        let namespace = table.create_namespace();
        let mut spawn = || {
            table
                .spawn(namespace, None, "c", Program::default(), Instant::ZERO)
                .unwrap()
        };
        Self {
            ipc: Namespace::new(),
            timers: Timers::default(),
            now: Instant::ZERO,
            processes: ('a'..='h').map(|name| (name, spawn())).collect(),
            handles: BTreeMap::new(),
            unnamed: BTreeMap::new(),
            ids: BTreeMap::new(),
            waiting: BTreeMap::new(),
            woken: Arc::default(),
            transcript: String::new(),
        }
    }
}

impl Machine {
    pub(super) fn caller(&self, process: char) -> Caller {
        Caller {
            process: self.processes[&process],
            now: self.now,
        }
    }

    /// `+2` lets two seconds pass; otherwise a process, a call and its arguments.
    pub(super) fn run(&mut self, line: &str) {
        if let Some(seconds) = line.strip_prefix('+') {
            self.now += Duration::from_secs(seconds.parse().unwrap());
            self.timers.handle_timeout(self.now);
            writeln!(self.transcript, "{line}").unwrap();
        } else {
            let words: Vec<&str> = line.split_whitespace().collect();
            let process = words[0].chars().next().unwrap();
            // Only with a `!` a process that waits is made to end.
            assert!(
                words[0].ends_with('!') || !self.waiting.contains_key(&process),
                "{process} waits"
            );
            let said = match self.call(process, words[1], &words[2..]) {
                Ok(said) => said,
                Err(error) => format!("{error:?}"),
            };
            writeln!(self.transcript, "{line} -> {said}").unwrap();
        }
        self.poll_woken();
    }

    /// Who still waits is told last: a lost wake-up shows there.
    pub(super) fn finish(mut self) -> String {
        for process in self.waiting.keys() {
            writeln!(self.transcript, "{process} waits").unwrap();
        }
        self.transcript
    }

    fn poll_woken(&mut self) {
        let woken = std::mem::take(&mut *self.woken.lock().unwrap());
        for process in woken {
            if let Poll::Ready(outcome) = self.poll(process) {
                let said =
                    outcome.map_or_else(|error| format!("{error:?}"), |message| text(&message));
                writeln!(self.transcript, "  {process} {said}").unwrap();
            }
        }
    }

    fn poll(&mut self, process: char) -> Poll<Result<Message, Error>> {
        let Some(id) = self.waiting.get(&process).copied() else {
            return Poll::Pending;
        };
        let waker = Waker::from(Arc::new(Flag(process, self.woken.clone())));
        let outcome = self.ipc.poll_wait(&mut self.timers, self.now, id, &waker);
        if outcome.is_ready() {
            self.waiting.remove(&process);
        }
        outcome
    }

    fn attempt(&mut self, process: char, attempt: Attempt) -> String {
        match attempt {
            Attempt::Done(message) => text(&message),
            Attempt::Blocked(id) => {
                self.waiting.insert(process, id);
                assert!(self.poll(process).is_pending());
                "waits".to_owned()
            }
        }
    }

    /// `nowait`, `5s` or nothing.
    fn blocking(&self, words: &[&str]) -> Blocking {
        let seconds = words
            .iter()
            .find_map(|word| word.strip_suffix('s')?.parse().ok());
        match seconds {
            Some(seconds) => Blocking::Until(self.now + Duration::from_secs(seconds)),
            None if words.contains(&"nowait") => Blocking::Never,
            None => Blocking::Forever,
        }
    }

    fn handle(&self, process: char, name: &str) -> Result<Handle, Error> {
        let handle = self.handles.get(&(process, name.to_owned()));
        handle.copied().ok_or(Error::BadDescriptor)
    }

    fn semaphore(&self, process: char, name: &str) -> Result<SemaphoreId, Error> {
        match self.unnamed.get(name) {
            Some(id) => Ok(*id),
            None => self.ipc.semaphore_id(self.handle(process, name)?),
        }
    }

    fn opened(&mut self, process: char, name: &str, handle: Handle) -> String {
        self.handles.insert((process, name.to_owned()), handle);
        "ok".to_owned()
    }

    fn got(&mut self, key: &str, id: i32) -> String {
        self.ids.insert(key.to_owned(), id);
        format!("id {id}")
    }

    fn id(&self, key: &str) -> i32 {
        key.parse()
            .ok()
            .filter(|_| !self.ids.contains_key(key))
            .unwrap_or_else(|| self.ids[key])
    }

    fn call(&mut self, process: char, call: &str, words: &[&str]) -> Result<String, Error> {
        let by = self.caller(process);
        match call {
            "exit" => {
                self.waiting.remove(&process);
                self.ipc.handle_process_exit(by);
                Ok("ok".to_owned())
            }
            "close" => {
                let handle = self.handle(process, words[0])?;
                self.ipc.close(handle, self.now);
                Ok("ok".to_owned())
            }
            _ if call.starts_with("mq_") => self.call_mq(process, call, words),
            _ if call.starts_with("sem_") => self.call_semaphore(process, call, words),
            _ if call.starts_with("shm_")
                || call == "read"
                || call == "write"
                || call == "size" =>
            {
                self.call_memory(process, call, words)
            }
            _ if call.starts_with("msg") => self.call_message(process, call, words),
            _ if call.starts_with("sem") => self.call_set(process, call, words),
            _ => self.call_segment(process, call, words),
        }
    }

    fn call_mq(&mut self, process: char, call: &str, words: &[&str]) -> Result<String, Error> {
        let by = self.caller(process);
        match call {
            "mq_open" => {
                let mut numbers = words.iter().filter_map(|word| word.parse().ok());
                let limits = numbers.next().map(|messages| MqueueLimits {
                    messages,
                    message_bytes: numbers.next().unwrap(),
                });
                let handle = self.ipc.mq_open(by, words[0], how(words), limits)?;
                Ok(self.opened(process, words[0], handle))
            }
            "mq_unlink" => self.ipc.mq_unlink(words[0]).map(|()| "ok".to_owned()),
            "mq_send" => {
                let (handle, blocking) = (self.handle(process, words[0])?, self.blocking(words));
                let (bytes, priority) = (words[1].as_bytes().to_vec(), words[2].parse().unwrap());
                let attempt = self.ipc.mq_send(by, handle, bytes, priority, blocking)?;
                Ok(self.attempt(process, attempt))
            }
            "mq_receive" => {
                let (handle, blocking) = (self.handle(process, words[0])?, self.blocking(words));
                let max = words
                    .get(1)
                    .and_then(|word| word.parse().ok())
                    .unwrap_or(8192);
                let attempt = self.ipc.mq_receive(by, handle, max, blocking)?;
                Ok(self.attempt(process, attempt))
            }
            "mq_nonblock" => {
                let handle = self.handle(process, words[0])?;
                self.ipc
                    .mq_set_non_block(handle, words[1] == "on")
                    .map(|()| "ok".to_owned())
            }
            _ => {
                let attributes = self.ipc.mq_attributes(self.handle(process, words[0])?)?;
                let limits = attributes.limits;
                let (now, of, size) = (attributes.messages, limits.messages, limits.message_bytes);
                Ok(format!(
                    "{now} of {of}, {size} bytes, non-block {}",
                    attributes.non_block
                ))
            }
        }
    }

    fn call_semaphore(
        &mut self,
        process: char,
        call: &str,
        words: &[&str],
    ) -> Result<String, Error> {
        let by = self.caller(process);
        let number = || {
            words[1..]
                .iter()
                .find_map(|word| word.parse().ok())
                .unwrap_or(0)
        };
        match call {
            "sem_open" => {
                let handle = self
                    .ipc
                    .semaphore_open(by, words[0], how(words), number())?;
                Ok(self.opened(process, words[0], handle))
            }
            "sem_init" => {
                let id = self
                    .ipc
                    .semaphore_create(by, words.contains(&"shared"), number())?;
                self.unnamed.insert(words[0].to_owned(), id);
                Ok("ok".to_owned())
            }
            "sem_destroy" => {
                let id = self.semaphore(process, words[0])?;
                self.ipc.semaphore_destroy(id).map(|()| "ok".to_owned())
            }
            "sem_unlink" => self
                .ipc
                .semaphore_unlink(words[0])
                .map(|()| "ok".to_owned()),
            "sem_post" => {
                let id = self.semaphore(process, words[0])?;
                self.ipc.semaphore_post(id).map(|()| "ok".to_owned())
            }
            "sem_value" => {
                let id = self.semaphore(process, words[0])?;
                self.ipc.semaphore_value(id).map(|value| value.to_string())
            }
            _ => {
                let (id, blocking) = (self.semaphore(process, words[0])?, self.blocking(words));
                let attempt = self.ipc.semaphore_wait(by, id, blocking)?;
                Ok(self.attempt(process, attempt))
            }
        }
    }

    fn call_memory(&mut self, process: char, call: &str, words: &[&str]) -> Result<String, Error> {
        let by = self.caller(process);
        let number = |at: usize| words[at].parse::<u32>().unwrap();
        match call {
            "shm_open" => {
                let handle = self.ipc.memory_open(by, words[0], how(words))?;
                Ok(self.opened(process, words[0], handle))
            }
            "shm_unlink" => self.ipc.memory_unlink(words[0]).map(|()| "ok".to_owned()),
            "shm_resize" => {
                let handle = self.handle(process, words[0])?;
                self.ipc
                    .memory_resize(handle, words[1].parse().unwrap())
                    .map(|()| "ok".to_owned())
            }
            "shm_exchange" => {
                let handle = self.handle(process, words[0])?;
                let changed = words[2..].chunks(2).map(|run| Run {
                    offset: run[0].parse().unwrap(),
                    bytes: run[1].as_bytes().to_vec(),
                });
                let changed: Vec<Run> = changed.collect();
                let since = u64::from(number(1));
                let news = self
                    .ipc
                    .memory_exchange(handle, (0, u32::MAX), since, &changed)?;
                let runs = news
                    .runs
                    .iter()
                    .map(|run| format!(" {}+{}", run.offset, run.bytes.len()));
                Ok(format!(
                    "version {}{}",
                    news.version,
                    runs.collect::<String>()
                ))
            }
            "read" => {
                let handle = self.handle(process, words[0])?;
                let bytes = self.ipc.memory_read(handle, number(1), number(2))?;
                Ok(String::from_utf8_lossy(&bytes).replace('\0', "."))
            }
            "write" => {
                let handle = self.handle(process, words[0])?;
                let run = Run {
                    offset: number(1),
                    bytes: words[2].as_bytes().to_vec(),
                };
                self.ipc
                    .memory_write(handle, &run)
                    .map(|()| "ok".to_owned())
            }
            _ => {
                let handle = self.handle(process, words[0])?;
                self.ipc.memory_size(handle).map(|size| size.to_string())
            }
        }
    }

    fn call_message(&mut self, process: char, call: &str, words: &[&str]) -> Result<String, Error> {
        let by = self.caller(process);
        if call == "msgget" {
            let id = self
                .ipc
                .msg_get(by, key(words[0]), how(words).create, 0o600)?;
            return Ok(self.got(words[0], id));
        }
        let id = self.id(words[0]);
        match call {
            "msgsnd" => {
                let (tag, bytes) = (words[1].parse().unwrap(), body(words[2]));
                let message = Message { bytes, tag };
                let attempt = self.ipc.msg_send(by, id, message, self.blocking(words))?;
                Ok(self.attempt(process, attempt))
            }
            "msgrcv" => {
                let how = ReceiveHow {
                    blocking: self.blocking(words),
                    no_error: words.contains(&"noerror"),
                    except: words.contains(&"except"),
                };
                let (kind, max) = (words[1].parse().unwrap(), words[2].parse().unwrap());
                let attempt = self.ipc.msg_receive(by, id, max, kind, how)?;
                Ok(self.attempt(process, attempt))
            }
            "msgset" => self
                .ipc
                .msg_set(by, id, 0o600, words[1].parse().unwrap())
                .map(|()| "ok".to_owned()),
            "msgrm" => self.ipc.msg_remove(id).map(|()| "ok".to_owned()),
            _ => {
                let status = self.ipc.msg_status(id)?;
                let (now, bytes, max) = (status.messages, status.bytes, status.bytes_max);
                let seconds =
                    |at: Option<Instant>| at.map_or("never".to_owned(), |at| at.to_string());
                let (sent, received) = (seconds(status.sent_at), seconds(status.received_at));
                Ok(format!(
                    "{now} messages, {bytes} of {max} bytes, sent {sent}, received {received}"
                ))
            }
        }
    }

    fn call_set(&mut self, process: char, call: &str, words: &[&str]) -> Result<String, Error> {
        let by = self.caller(process);
        if call == "semget" {
            let count = words[1].parse().unwrap();
            let id = self
                .ipc
                .sem_get(by, key(words[0]), count, how(words).create, 0o600)?;
            return Ok(self.got(words[0], id));
        }
        let id = self.id(words[0]);
        match call {
            "semop" => {
                let operations = words[1].split(',').map(operation).collect();
                let attempt = self
                    .ipc
                    .sem_operate(by, id, operations, self.blocking(words))?;
                Ok(self.attempt(process, attempt))
            }
            "semset" => {
                let (number, value) = (words[1].parse().unwrap(), words[2].parse().unwrap());
                self.ipc
                    .sem_set_value(by, id, number, value)
                    .map(|()| "ok".to_owned())
            }
            "semsetall" => {
                let values: Vec<u16> = words[1..]
                    .iter()
                    .map(|word| word.parse().unwrap())
                    .collect();
                self.ipc
                    .sem_set_values(by, id, &values)
                    .map(|()| "ok".to_owned())
            }
            "semget1" => {
                let status = self.ipc.sem_describe(id, words[1].parse().unwrap())?;
                let (value, more, zero) = (
                    status.value,
                    status.waiting_for_more,
                    status.waiting_for_zero,
                );
                Ok(format!("{value}, {more} wait for more, {zero} for zero"))
            }
            "semrm" => self.ipc.sem_remove(id).map(|()| "ok".to_owned()),
            _ => self.ipc.sem_values(id).map(|values| format!("{values:?}")),
        }
    }

    fn call_segment(&mut self, process: char, call: &str, words: &[&str]) -> Result<String, Error> {
        let by = self.caller(process);
        if call == "shmget" {
            let size = words[1].parse().unwrap();
            let id = self
                .ipc
                .shm_get(by, key(words[0]), size, how(words).create, 0o600)?;
            return Ok(self.got(words[0], id));
        }
        let id = self.id(words[0]);
        match call {
            "shmat" => {
                let handle = self.ipc.shm_attach(by, id, words.contains(&"readonly"))?;
                Ok(self.opened(process, words[0], handle))
            }
            "shmrm" => self.ipc.shm_remove(id).map(|()| "ok".to_owned()),
            "shmstat" => {
                let status = self.ipc.shm_status(id)?;
                let (size, attached, key) = (status.size, status.attached, status.permissions.key);
                Ok(format!(
                    "key {key}, {size} bytes, {attached} attached, removed {}",
                    status.removed
                ))
            }
            _ => panic!("no call {call}"),
        }
    }
}

fn text(message: &Message) -> String {
    match message {
        Message { bytes, tag: 0 } if bytes.is_empty() => "ok".to_owned(),
        Message { bytes, tag } if bytes.len() > 20 => format!("{} bytes, {tag}", bytes.len()),
        Message { bytes, tag } => format!("{}, {tag}", String::from_utf8_lossy(bytes)),
    }
}

fn how(words: &[&str]) -> OpenHow {
    OpenHow {
        read: words.contains(&"read"),
        write: words.contains(&"write"),
        create: match (words.contains(&"create"), words.contains(&"excl")) {
            (false, _) => Create::No,
            (true, false) => Create::IfMissing,
            (true, true) => Create::Exclusive,
        },
        truncate: words.contains(&"truncate"),
        non_block: words.contains(&"nonblock"),
    }
}

/// A word, or so many bytes: `*100`.
fn body(word: &str) -> Vec<u8> {
    match word.strip_prefix('*') {
        Some(length) => vec![b'x'; length.parse().unwrap()],
        None => word.as_bytes().to_vec(),
    }
}

/// `private` or a letter.
fn key(word: &str) -> i32 {
    match word {
        "private" => crate::ipc::IPC_PRIVATE,
        _ => i32::from(word.as_bytes()[0]),
    }
}

/// `0-1`, with `u` for `SEM_UNDO` and `n` for `IPC_NOWAIT` after it.
fn operation(word: &str) -> SetOperation {
    let (numbers, flags) = word.split_at(word.find(['u', 'n']).unwrap_or(word.len()));
    let sign = numbers.find(['+', '-', '=']).unwrap();
    SetOperation {
        number: numbers[..sign].parse().unwrap(),
        delta: numbers[sign..].trim_start_matches('=').parse().unwrap(),
        no_wait: flags.contains('n'),
        undo: flags.contains('u'),
    }
}
