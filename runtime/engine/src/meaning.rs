//! What the streams and pollables of a process stand for, where somebody decides about the order of calls: `wasi:io`
//! itself does not know whether two of them are ends of one pipe.

use crate::description::Description;
use crate::guest::Guest;
use seedpod_core::net::End;
use seedpod_core::sched::Access::{Add, Read, Write};
use seedpod_core::sched::ObjectKind::{Pipe, StreamHalf};
use seedpod_core::sched::{Access, Object, Op, Touch};
use seedpod_core::volume::OpenFile;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

/// Meanings by the numbers of resources. Bounded by the resources of a process; empty where nobody decides.
#[derive(Default)]
pub(crate) struct Meanings {
    streams: BTreeMap<u32, Meaning>,
    pollables: BTreeMap<u32, Polled>,
}

/// What a pollable looks at.
#[derive(Debug)]
pub(crate) enum Polled {
    /// These.
    Objects(Vec<Touch>),
    /// Whatever the TCP socket of this number is at when it is polled.
    TcpSocket(u32),
}

/// What a stream leads to.
#[derive(Clone, Debug)]
pub(crate) struct Meaning {
    calls: &'static Calls,
    label: String,
    /// What is read or written.
    object: Object,
    /// What a write uses up.
    capacity: Option<Object>,
}

/// The names of what can be done with it.
#[derive(Debug)]
struct Calls {
    read: &'static str,
    write: &'static str,
    room: &'static str,
    /// Whether reading takes away what it reads.
    takes: Access,
}

const FILE: Calls = Calls {
    read: "fs.read",
    write: "fs.write",
    room: "fs.room",
    takes: Read,
};

const PIPE: Calls = Calls {
    read: "pipe.read",
    write: "pipe.write",
    room: "pipe.room",
    takes: Write,
};

const TCP: Calls = Calls {
    read: "tcp.read",
    write: "tcp.write",
    room: "tcp.room",
    takes: Write,
};

impl Meaning {
    /// A file, if containers meet in its volume.
    pub(crate) fn file(file: &OpenFile) -> Option<Self> {
        let spot = file.spot()?;
        Some(Self {
            calls: &FILE,
            label: format!("vol:{}", spot.path),
            object: spot.content()?,
            capacity: Some(spot.capacity()),
        })
    }

    /// Either end of a pipe.
    fn pipe(number: u64) -> Self {
        Self {
            calls: &PIPE,
            label: format!("pipe:{number}"),
            object: Object {
                kind: Pipe,
                id: number,
            },
            capacity: None,
        }
    }

    /// What goes from one address to another.
    fn half(pod: Ipv4Addr, from: SocketAddr, to: SocketAddr) -> Self {
        // Every pod has a loopback of its own.
        let pod = match from.ip().is_loopback() {
            true => format!("{pod} "),
            false => String::new(),
        };
        Self {
            calls: &TCP,
            label: format!("tcp:{from}>{to}"),
            object: Object::named(StreamHalf, &format!("{pod}{from}>{to}")),
            capacity: None,
        }
    }

    pub(crate) fn object(&self) -> Object {
        self.object
    }

    /// For people.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// What a read is called.
    pub(crate) fn read_call(&self) -> &'static str {
        self.calls.read
    }

    /// A read.
    pub(crate) fn read(&self) -> Op {
        self.op(self.calls.read, self.calls.takes)
    }

    /// A write.
    pub(crate) fn write(&self) -> Op {
        let mut op = self.op(self.calls.write, Write);
        op.touches.extend(self.capacity.map(|object| Touch {
            object,
            access: Add,
        }));
        op
    }

    /// The end of a handle, which may be the last one of an end of a pipe.
    pub(crate) fn close(&self) -> Option<Op> {
        let is_pipe = self.object.kind == Pipe;
        is_pipe.then(|| self.op("pipe.close", Write))
    }

    /// A look at how much can be written, for what can be full.
    pub(crate) fn room(&self) -> Option<Op> {
        self.capacity
            .is_none()
            .then(|| self.op(self.calls.room, Read))
    }

    /// A look at whether it is ready, for what may not be.
    fn readiness(&self) -> Option<Touch> {
        self.capacity.is_none().then_some(Touch {
            object: self.object,
            access: Read,
        })
    }

    fn op(&self, call: &'static str, access: Access) -> Op {
        let mut op = Op::local(call).on(&*self.label);
        op.touches.push(Touch {
            object: self.object,
            access,
        });
        op
    }
}

impl Meanings {
    /// Notes what a new stream leads to; nothing, when nobody else can notice what is done with it.
    pub(crate) fn add_stream(&mut self, stream: u32, meaning: Option<Meaning>) {
        if let Some(meaning) = meaning {
            self.streams.insert(stream, meaning);
        }
    }

    /// Notes what a new pollable looks at.
    pub(crate) fn add_pollable(&mut self, pollable: u32, polled: Polled) {
        if !matches!(&polled, Polled::Objects(touches) if touches.is_empty()) {
            self.pollables.insert(pollable, polled);
        }
    }

    pub(crate) fn stream(&self, stream: u32) -> Option<&Meaning> {
        self.streams.get(&stream)
    }

    /// What a pollable of this stream looks at.
    pub(crate) fn readiness_of(&self, stream: u32) -> Polled {
        let touch = self.streams.get(&stream).and_then(Meaning::readiness);
        Polled::Objects(touch.into_iter().collect())
    }

    /// What the end of the process closes.
    pub(crate) fn closed_at_end(&self) -> impl Iterator<Item = Touch> {
        self.streams.values().filter_map(|meaning| {
            let object = meaning.object;
            let touch = Touch {
                object,
                access: Write,
            };
            meaning.capacity.is_none().then_some(touch)
        })
    }

    pub(crate) fn remove_stream(&mut self, stream: u32) {
        self.streams.remove(&stream);
    }

    pub(crate) fn remove_pollable(&mut self, pollable: u32) {
        self.pollables.remove(&pollable);
    }
}

impl Guest {
    /// What polling these looks at.
    pub(crate) fn polled(&self, pollables: &[u32]) -> Vec<Touch> {
        let mut touches = Vec::new();
        for pollable in pollables {
            match self.meanings.pollables.get(pollable) {
                Some(Polled::Objects(objects)) => touches.extend_from_slice(objects),
                Some(Polled::TcpSocket(socket)) => touches.extend(self.polled_socket(*socket)),
                None => {}
            }
        }
        touches
    }

    /// What a pollable of this description looks at.
    pub(crate) fn readiness_of(&self, description: &Description) -> Polled {
        let meaning = self.meaning_of(description);
        Polled::Objects(
            meaning
                .as_ref()
                .and_then(Meaning::readiness)
                .into_iter()
                .collect(),
        )
    }

    /// What comes in at an end of a connection, and what goes out.
    pub(crate) fn meaning_of_connection(&self, end: &End) -> [Meaning; 2] {
        let pod = self.pod.with(|kernel| kernel.net.pod_ip());
        let (here, there) = (end.local_address(), end.remote_address());
        [(there, here), (here, there)].map(|(from, to)| Meaning::half(pod, from, to))
    }

    /// What a stream to a description leads to, where somebody decides and others can notice.
    pub(crate) fn meaning_of(&self, description: &Description) -> Option<Meaning> {
        self.scheduled()?;
        match description {
            Description::PipeReader(pipe) => numbered(pipe.number()),
            Description::PipeWriter(pipe) => numbered(pipe.number()),
            Description::File(file, _) => Meaning::file(file),
            Description::Terminal(inner) => self.meaning_of(inner),
            Description::Null | Description::Log(..) | Description::Capture(_) => None,
        }
    }
}

/// A pipe to the host has no number: what happens there is no guest's doing.
fn numbered(number: u64) -> Option<Meaning> {
    (number > 0).then(|| Meaning::pipe(number))
}
