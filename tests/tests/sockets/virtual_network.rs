//! The arm on the network of a pod. Nothing runs beside the test: a call that would wait would wait forever.

use super::{Connect, SocketApi};
use bytes::Bytes;
use seedpod_core::net::{
    Egress, End, Error, Fabric, Family, Mailbox, NameFiles, Namespace, Shutdown, SocketId,
};
use seedpod_core::spec::Pod;
use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::{Poll, Waker};

pub(crate) struct Virtual(Rc<RefCell<Namespace>>);

pub(crate) struct Socket {
    net: Rc<RefCell<Namespace>>,
    id: SocketId,
    end: RefCell<Option<End>>,
    mailbox: Option<Mailbox>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.net.borrow_mut().close(self.id);
    }
}

impl Virtual {
    pub(crate) fn new() -> Self {
        let net = Namespace::new(&Fabric::default(), &Pod::default(), Egress::None).unwrap();
        Self(Rc::new(RefCell::new(net)))
    }

    fn socket(&self, id: SocketId, end: Option<End>) -> Socket {
        let mailbox = self.0.borrow().mailbox(id).ok();
        Socket {
            net: self.0.clone(),
            id,
            end: RefCell::new(end),
            mailbox,
        }
    }
}

impl Socket {
    fn end(&self) -> End {
        self.end.borrow().clone().expect("connected")
    }

    fn poll_connect(&self) -> Result<Connect, Error> {
        match self.net.borrow_mut().poll_connect(self.id, Waker::noop()) {
            Poll::Pending => Ok(Connect::InProgress),
            Poll::Ready(end) => {
                *self.end.borrow_mut() = Some(end?);
                Ok(Connect::Done)
            }
        }
    }
}

fn now<T>(poll: Poll<T>) -> T {
    match poll {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("this would wait forever"),
    }
}

impl SocketApi for Virtual {
    type Tcp = Socket;
    type Udp = Socket;

    fn tcp(&self, at: SocketAddr) -> Result<Socket, Error> {
        let id = self.0.borrow_mut().tcp_create(None, Family::of(at.ip()))?;
        let socket = self.socket(id, None);
        self.0.borrow_mut().tcp_bind(id, at)?;
        Ok(socket)
    }

    fn listen(&self, socket: &Socket, backlog: u16) -> Result<(), Error> {
        let mut net = self.0.borrow_mut();
        let mut options = net.tcp_options(socket.id)?;
        options.backlog = backlog.into();
        net.set_tcp_options(socket.id, options)?;
        net.tcp_listen(socket.id)
    }

    fn accept(&self, listener: &Socket) -> Result<Socket, Error> {
        let (id, end) = now(self.0.borrow_mut().poll_accept(listener.id, Waker::noop()))?;
        Ok(self.socket(id, Some(end)))
    }

    fn connect(&self, socket: &Socket, to: SocketAddr) -> Result<Connect, Error> {
        self.0.borrow_mut().tcp_connect(socket.id, to)?;
        socket.poll_connect()
    }

    fn finish_connect(&self, socket: &Socket) -> Result<(), Error> {
        assert_eq!(
            socket.poll_connect()?,
            Connect::Done,
            "this would wait forever"
        );
        Ok(())
    }

    fn local(&self, socket: &Socket) -> SocketAddr {
        self.0.borrow().local_address(socket.id).unwrap()
    }

    fn remote(&self, socket: &Socket) -> SocketAddr {
        self.0.borrow().remote_address(socket.id).unwrap()
    }

    fn read(&self, socket: &Socket, max: usize) -> Result<Vec<u8>, Error> {
        now(socket.end().poll_read(max, Waker::noop())).map(Into::into)
    }

    fn try_write(&self, socket: &Socket, bytes: &[u8]) -> Option<Result<usize, Error>> {
        let mut bytes = Bytes::copy_from_slice(bytes);
        match socket.end().poll_write(&mut bytes, Waker::noop()) {
            Poll::Ready(written) => Some(written),
            Poll::Pending => None,
        }
    }

    fn shutdown(&self, socket: &Socket, how: Shutdown) -> Result<(), Error> {
        self.0.borrow_mut().tcp_shutdown(socket.id, how)
    }

    fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, Error> {
        let files = NameFiles {
            hosts: "127.0.0.1 localhost\n::1 localhost\n",
            resolv_conf: "nameserver 10.96.0.10\n",
        };
        let lookup = self.0.borrow_mut().lookup(None, name, files)?;
        now(lookup.poll(Waker::noop()))
    }

    fn udp(&self, at: SocketAddr) -> Result<Socket, Error> {
        let id = self.0.borrow_mut().udp_create(None, Family::of(at.ip()))?;
        let socket = self.socket(id, None);
        self.0.borrow_mut().udp_bind(id, at)?;
        Ok(socket)
    }

    fn udp_local(&self, socket: &Socket) -> SocketAddr {
        self.local(socket)
    }

    fn udp_connect(&self, socket: &Socket, to: SocketAddr) -> Result<(), Error> {
        self.0.borrow_mut().udp_connect(socket.id, Some(to))
    }

    fn send(&self, socket: &Socket, bytes: &[u8], to: Option<SocketAddr>) -> Result<(), Error> {
        self.0
            .borrow_mut()
            .udp_send(socket.id, Bytes::copy_from_slice(bytes), to)
    }

    fn receive(&self, socket: &Socket) -> Result<(Vec<u8>, SocketAddr), Error> {
        self.try_receive(socket).expect("this would wait forever")
    }

    fn try_receive(&self, socket: &Socket) -> Option<Result<(Vec<u8>, SocketAddr), Error>> {
        let received = socket
            .mailbox
            .as_ref()
            .expect("a UDP socket")
            .try_receive()?;
        Some(received.map(|datagram| (datagram.data.into(), datagram.from)))
    }
}
