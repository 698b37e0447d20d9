//! Calls on TCP sockets.

use super::listener::Listener;
use super::namespace::{Namespace, Route, Socket, SocketId, check_remote, check_unicast};
use super::path::Dial;
use super::stream::{Buffers, End, Stream};
use super::{Error, Family, Protocol, Shutdown};
use crate::limits::SOCKET_BACKLOG_DEFAULT;
use crate::process::ProcessId;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Poll, Waker, ready};
use std::time::Duration;

#[derive(Debug)]
pub(super) struct Tcp {
    process: Option<ProcessId>,
    /// Where there are rules.
    pub(super) container: Option<Arc<str>>,
    family: Family,
    /// What the port table holds for this socket.
    bound: Option<SocketAddr>,
    pub(super) local: Option<SocketAddr>,
    pub(super) remote: Option<SocketAddr>,
    options: TcpOptions,
    state: State,
}

#[derive(Debug)]
enum State {
    Open,
    Listening(Arc<Listener>),
    Connecting(Stream),
    /// Connecting failed at once; nobody has asked yet.
    Failed(Error),
    Connected(Stream),
    Closed,
}

/// Options of a TCP socket. Those without a meaning on a virtual wire only read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpOptions {
    /// Connections that wait for `accept`; capped at `somaxconn`.
    pub backlog: usize,
    /// `SO_KEEPALIVE`
    pub keep_alive: bool,
    /// `TCP_KEEPIDLE`
    pub keep_alive_idle: Duration,
    /// `TCP_KEEPINTVL`
    pub keep_alive_interval: Duration,
    /// `TCP_KEEPCNT`
    pub keep_alive_count: u32,
    /// `IP_TTL`
    pub hop_limit: u8,
    /// `SO_RCVBUF`, `SO_SNDBUF`
    pub buffers: Buffers,
}

impl Default for TcpOptions {
    /// Linux' defaults.
    fn default() -> Self {
        Self {
            backlog: SOCKET_BACKLOG_DEFAULT,
            keep_alive: false,
            keep_alive_idle: Duration::from_secs(7200),
            keep_alive_interval: Duration::from_secs(75),
            keep_alive_count: 9,
            hop_limit: 64,
            buffers: Buffers::default(),
        }
    }
}

impl Namespace {
    /// `socket(2)`. `process` is who asks; `None` is the host, acting inside the pod.
    pub fn tcp_create(
        &mut self,
        process: Option<ProcessId>,
        family: Family,
    ) -> Result<SocketId, Error> {
        self.insert(Socket::Tcp(Tcp {
            process,
            container: None,
            family,
            bound: None,
            local: None,
            remote: None,
            options: TcpOptions::default(),
            state: State::Open,
        }))
    }

    /// `bind(2)` with `SO_REUSEADDR`; port 0 takes a free one.
    pub fn tcp_bind(&mut self, id: SocketId, address: SocketAddr) -> Result<(), Error> {
        let socket = self.tcp(id)?;
        if socket.bound.is_some() || !matches!(socket.state, State::Open) {
            return Err(Error::InvalidState);
        }
        check_unicast(address.ip(), socket.family)?;
        self.check_bindable(address.ip())?;
        let port = self.bind_port(Protocol::Tcp, address, id)?;
        let bound = Some((address.ip(), port).into());
        let socket = self.tcp_mut(id)?;
        (socket.bound, socket.local) = (bound, bound);
        Ok(())
    }

    /// `listen(2)`; binds a free port if there is none.
    pub fn tcp_listen(&mut self, id: SocketId) -> Result<(), Error> {
        let socket = self.tcp(id)?;
        if !matches!(socket.state, State::Open) {
            return Err(Error::InvalidState);
        }
        if socket.bound.is_none() {
            let any: IpAddr = match socket.family {
                Family::Ipv4 => Ipv4Addr::UNSPECIFIED.into(),
                Family::Ipv6 => Ipv6Addr::UNSPECIFIED.into(),
            };
            self.tcp_bind(id, (any, 0).into())?;
        }
        let bound = self.tcp(id)?.bound.ok_or(Error::InvalidState)?;
        self.check_listen(bound, id)?;
        let options = self.tcp(id)?.options;
        let listener = Arc::new(Listener::new(
            options.backlog,
            self.buffers(options.buffers),
            self.owner(self.tcp(id)?.container.clone()),
            self.fabric.tapping().cloned(),
        ));
        self.tcp_mut(id)?.state = State::Listening(listener.clone());
        self.publish_listener(bound, id, &listener);
        Ok(())
    }

    /// `connect(2)` of a non-blocking socket: an error is in the arguments, [`poll_connect`](Self::poll_connect) has the
    /// result.
    pub fn tcp_connect(&mut self, id: SocketId, to: SocketAddr) -> Result<(), Error> {
        let socket = self.tcp(id)?;
        let (process, bound) = (socket.process, socket.bound);
        let container = socket.container.clone();
        if !matches!(socket.state, State::Open) {
            return Err(Error::InvalidState);
        }
        check_remote(to, socket.family)?;
        let source = self.source(bound.map(|bound| bound.ip()), to.ip())?;
        let port = match bound {
            Some(bound) => bound.port(),
            None => self.bind_port(Protocol::Tcp, (source, 0).into(), id)?,
        };
        let from: SocketAddr = (source, port).into();
        let buffers = self.buffers(self.tcp(id)?.options.buffers);
        let dial = |to, here| Dial {
            container,
            from,
            to,
            here,
            buffers,
        };
        let result = match self.route(Protocol::Tcp, to) {
            Route::Here(to) => self.dial(&dial(to, true)),
            Route::Pod(to) => self.dial(&dial(to, false)),
            Route::Names => self.connect_names(from, to, buffers),
            Route::Refused => Err(Error::ConnectionRefused),
            Route::Nobody => Err(Error::RemoteUnreachable),
            Route::Outside(to) => self.connect_outside(process, [from, to], buffers),
        };
        if let Err(error) = &result {
            self.fabric.tap_failure([from, to], *error);
        }
        let socket = self.tcp_mut(id)?;
        socket.bound = bound.or(Some(from));
        socket.local = Some(from);
        socket.state = match result {
            Ok(stream) => {
                socket.remote = Some(to);
                State::Connecting(stream)
            }
            Err(error) => State::Failed(error),
        };
        Ok(())
    }

    /// Waits for the result of [`tcp_connect`](Self::tcp_connect).
    pub fn poll_connect(&mut self, id: SocketId, waker: &Waker) -> Poll<Result<End, Error>> {
        let socket = self.tcp_mut(id)?;
        let result = match &socket.state {
            State::Connecting(stream) => ready!(stream.poll_connected(waker)),
            State::Failed(error) => Err(*error),
            State::Open | State::Listening(_) | State::Connected(_) | State::Closed => {
                Err(Error::InvalidState)
            }
        };
        if result == Err(Error::InvalidState) {
            return Poll::Ready(Err(Error::InvalidState));
        }
        let state = std::mem::replace(&mut socket.state, State::Closed);
        Poll::Ready(match (result, state) {
            (Ok(()), State::Connecting(stream)) => {
                let end = (*stream).clone();
                socket.state = State::Connected(stream);
                Ok(end)
            }
            (Ok(()), _) => Err(Error::InvalidState),
            (Err(error), _) => {
                socket.remote = None;
                Err(error)
            }
        })
    }

    /// `accept(2)`: waits for a connection, and makes it a socket with the listener's options.
    pub fn poll_accept(
        &mut self,
        id: SocketId,
        waker: &Waker,
    ) -> Poll<Result<(SocketId, End), Error>> {
        // Without a free socket the connection stays in the backlog.
        self.check_limit()?;
        let stream = ready!(self.poll_accept_stream(id, waker))?;
        let listener = self.tcp(id)?;
        let (process, family, options) = (listener.process, listener.family, listener.options);
        let container = listener.container.clone();
        stream.set_buffers(self.buffers(options.buffers));
        let end = (*stream).clone();
        let accepted = self.insert(Socket::Tcp(Tcp {
            process,
            container,
            family,
            bound: None,
            local: Some(end.local_address()),
            remote: Some(end.remote_address()),
            options,
            state: State::Connected(stream),
        }))?;
        Poll::Ready(Ok((accepted, end)))
    }

    /// As [`poll_accept`](Self::poll_accept), for a host that acts inside the pod: the stream is the connection, there is
    /// no socket.
    pub fn poll_accept_stream(
        &mut self,
        id: SocketId,
        waker: &Waker,
    ) -> Poll<Result<Stream, Error>> {
        match &self.tcp(id)?.state {
            State::Listening(listener) => listener.poll_accept(waker).map(Ok),
            State::Open
            | State::Connecting(_)
            | State::Failed(_)
            | State::Connected(_)
            | State::Closed => Poll::Ready(Err(Error::InvalidState)),
        }
    }

    /// Waits until [`poll_connect`](Self::poll_connect) or [`poll_accept`](Self::poll_accept) has a result; does not wait
    /// in other states.
    pub fn poll_tcp_ready(&self, id: SocketId, waker: &Waker) -> Poll<()> {
        match self.tcp(id).map(|socket| &socket.state) {
            Ok(State::Connecting(stream)) => stream.poll_connected(waker).map(|_| ()),
            Ok(State::Listening(listener)) => listener.poll_acceptable(waker),
            Ok(State::Open | State::Failed(_) | State::Connected(_) | State::Closed) | Err(_) => {
                Poll::Ready(())
            }
        }
    }

    /// `shutdown(2)`
    pub fn tcp_shutdown(&mut self, id: SocketId, how: Shutdown) -> Result<(), Error> {
        match &self.tcp(id)?.state {
            State::Connected(stream) => {
                stream.shutdown(how);
                Ok(())
            }
            State::Open
            | State::Listening(_)
            | State::Connecting(_)
            | State::Failed(_)
            | State::Closed => Err(Error::InvalidState),
        }
    }

    /// `SO_ACCEPTCONN`
    pub fn is_listening(&self, id: SocketId) -> bool {
        matches!(
            self.tcp(id),
            Ok(Tcp {
                state: State::Listening(_),
                ..
            })
        )
    }

    /// Whether a socket has been bound, by `bind` or on the way to something else.
    pub fn is_bound(&self, id: SocketId) -> bool {
        self.local_address(id).is_ok()
    }

    /// The options of a TCP socket.
    pub fn tcp_options(&self, id: SocketId) -> Result<TcpOptions, Error> {
        Ok(self.tcp(id)?.options)
    }

    /// Changes the options of a TCP socket.
    pub fn set_tcp_options(&mut self, id: SocketId, mut options: TcpOptions) -> Result<(), Error> {
        options.buffers = self.buffers(options.buffers);
        let socket = self.tcp_mut(id)?;
        socket.options = options;
        match &socket.state {
            State::Connecting(stream) | State::Connected(stream) => {
                stream.set_buffers(options.buffers);
            }
            State::Listening(listener) => {
                listener.set_backlog(options.backlog);
                listener.set_buffers(options.buffers);
            }
            State::Open | State::Failed(_) | State::Closed => {}
        }
        Ok(())
    }

    pub(super) fn own_listener(&self, id: SocketId) -> Option<Arc<Listener>> {
        match &self.tcp(id).ok()?.state {
            State::Listening(listener) => Some(listener.clone()),
            State::Open
            | State::Connecting(_)
            | State::Failed(_)
            | State::Connected(_)
            | State::Closed => None,
        }
    }

    pub(super) fn close_tcp(&mut self, id: SocketId, socket: Tcp) {
        let Some(bound) = socket.bound else {
            return;
        };
        self.release_port(Protocol::Tcp, bound, id);
        if let State::Listening(listener) = socket.state {
            if let Some(address) = self.on_fabric(bound) {
                self.fabric.set_listener(address, None);
            }
            listener.close();
        }
    }

    pub(super) fn buffers(&self, wanted: Buffers) -> Buffers {
        Buffers {
            receive: self.buffer_bytes(wanted.receive),
            send: self.buffer_bytes(wanted.send),
        }
    }

    fn tcp(&self, id: SocketId) -> Result<&Tcp, Error> {
        match self.sockets.get(&id) {
            Some(Socket::Tcp(socket)) => Ok(socket),
            Some(Socket::Udp(_)) | None => Err(Error::InvalidState),
        }
    }

    fn tcp_mut(&mut self, id: SocketId) -> Result<&mut Tcp, Error> {
        match self.sockets.get_mut(&id) {
            Some(Socket::Tcp(socket)) => Ok(socket),
            Some(Socket::Udp(_)) | None => Err(Error::InvalidState),
        }
    }
}
