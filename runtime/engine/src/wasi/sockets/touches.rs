//! What the calls on sockets touch: ports, whose names are those of the pod network; the halves of connections; and
//! where datagrams wait.

use super::Failure;
use super::tcp::TcpSocket;
use crate::calls::ErrorName;
use crate::guest::Guest;
use crate::scheduler::Turn;
use seedpod_core::net::{Protocol, SocketId};
use seedpod_core::sched::Access::{Read, Write};
use seedpod_core::sched::ObjectKind::{Mailbox, Port};
use seedpod_core::sched::{Access, Object, ObjectKind, Op, Touch};
use std::net::SocketAddr;
use wasmtime::component::Resource;

impl Guest {
    /// Stands before a call on a port of a protocol; one that takes any free port is nobody else's business.
    pub(super) fn enter_port(
        &self,
        call: &'static str,
        protocol: Protocol,
        address: Option<SocketAddr>,
    ) -> Turn {
        self.enter(|guest| {
            let address = address.filter(|address| address.port() != 0)?;
            let op = Op::local(call).on(format!("{}:{address}", scheme(protocol)));
            Some(guest.touch_places(op, Port, protocol, address, Write))
        })
    }

    /// Stands before a call on the port that a socket is bound to.
    pub(super) fn enter_own_port(&self, call: &'static str, socket: SocketId) -> Turn {
        self.enter_port(call, Protocol::Tcp, self.local_address_of(socket))
    }

    /// Stands before a call on both directions of a connection.
    pub(super) fn enter_halves(&self, call: &'static str, socket: &TcpSocket) -> Turn {
        self.enter(|_| {
            let (label, halves) = socket.connection.as_ref()?;
            Some(touch_halves(Op::local(call).on(label.clone()), *halves))
        })
    }

    /// Stands before the end of a socket.
    pub(super) fn enter_close(&self, socket: &TcpSocket) -> Turn {
        self.enter(|guest| {
            let mut op = Op::local("tcp.close");
            if let Some((label, halves)) = &socket.connection {
                op = touch_halves(op.on(label.clone()), *halves);
            } else if let Some(address) = guest.local_address_of(socket.id) {
                op = op.on(format!("tcp:{address}"));
                op = guest.touch_places(op, Port, Protocol::Tcp, address, Write);
            }
            (!op.touches.is_empty()).then_some(op)
        })
    }

    /// Stands before a call on what has come to a UDP socket.
    pub(super) fn enter_mailbox(&self, call: &'static str, socket: SocketId) -> Turn {
        self.enter(|guest| {
            let address = guest.local_address_of(socket)?;
            let op = Op::local(call).on(format!("udp:{address}"));
            let op = match call {
                "udp.close" => guest.touch_places(op, Port, Protocol::Udp, address, Write),
                _ => op,
            };
            Some(guest.touch_places(op, Mailbox, Protocol::Udp, address, Write))
        })
    }

    /// Stands before datagrams to these addresses.
    pub(super) fn enter_send(&self, socket: SocketId, to: &[Option<SocketAddr>]) -> Turn {
        self.enter(|guest| {
            let connected = || {
                let net = |kernel: &mut seedpod_core::kernel::Kernel| {
                    kernel.net.remote_address(socket).ok()
                };
                guest.pod.with(net)
            };
            let mut op = Op::local("udp.send");
            for address in to.iter().filter_map(|to| to.or_else(connected)) {
                op = op.on(format!("udp:{address}"));
                op = guest.touch_places(op, Mailbox, Protocol::Udp, address, Write);
            }
            (!op.touches.is_empty()).then_some(op)
        })
    }

    /// What polling a TCP socket looks at: who connects, or whether the other side has room.
    pub(crate) fn polled_socket(&self, socket: u32) -> Vec<Touch> {
        let Ok(socket) = self.table.get(&Resource::<TcpSocket>::new_borrow(socket)) else {
            return Vec::new();
        };
        let remote = self.pod.with(|kernel| kernel.net.remote_address(socket.id));
        let address = remote.ok().or_else(|| self.local_address_of(socket.id));
        let Some(address) = address else {
            return Vec::new();
        };
        let op = Op::local("poll");
        self.touch_places(op, Port, Protocol::Tcp, address, Read)
            .touches
    }

    /// What polling a UDP socket looks at.
    pub(super) fn polled_mailbox(&self, socket: SocketId) -> Vec<Touch> {
        let Some(address) = self.scheduled().and_then(|_| self.local_address_of(socket)) else {
            return Vec::new();
        };
        let op = Op::local("poll");
        self.touch_places(op, Mailbox, Protocol::Udp, address, Read)
            .touches
    }

    fn local_address_of(&self, socket: SocketId) -> Option<SocketAddr> {
        self.pod
            .with(|kernel| kernel.net.local_address(socket))
            .ok()
    }

    fn touch_places(
        &self,
        mut op: Op,
        kind: ObjectKind,
        protocol: Protocol,
        address: SocketAddr,
        access: Access,
    ) -> Op {
        let places = self.pod.with(|kernel| kernel.net.places(protocol, address));
        for place in places {
            let object = Object::named(kind, &format!("{}:{place}", scheme(protocol)));
            op.touches.push(Touch { object, access });
        }
        op
    }
}

fn touch_halves(mut op: Op, halves: [Object; 2]) -> Op {
    let writes = halves.map(|object| Touch {
        object,
        access: Write,
    });
    op.touches.extend(writes);
    op
}

fn scheme(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

impl ErrorName for Failure {
    fn name(&self) -> &'static str {
        match self {
            Self::Code(code) => code.name(),
            Self::Trap(_) => "trap",
        }
    }
}
