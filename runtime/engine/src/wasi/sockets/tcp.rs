//! `wasi:sockets/tcp` and `tcp-create-socket`.

use super::bindings::wasi::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress};
use super::bindings::wasi::sockets::{tcp, tcp_create_socket};
use super::stream::{TcpInput, TcpOutput};
use super::{Failure, Network, SocketResult};
use crate::guest::{Guest, PodCell};
use crate::meaning::Polled;
use seedpod_core::net::{self, End, Family, Namespace, Protocol, SocketId, TcpOptions};
use seedpod_core::sched::Object;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;
use wasmtime::component::Resource;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream};

/// A TCP socket of a guest; closed when dropped.
pub struct TcpSocket {
    pod: Arc<PodCell>,
    pub(super) id: SocketId,
    family: Family,
    operation: Option<Operation>,
    /// What is read and what is written, with a name for people: known where somebody decides about the order of calls.
    pub(super) connection: Option<(String, [Object; 2])>,
}

/// What was started and not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Bind,
    Connect,
    Listen,
}

impl TcpSocket {
    fn net<R>(&self, call: impl FnOnce(&mut Namespace, SocketId) -> R) -> R {
        self.pod.with(|kernel| call(&mut kernel.net, self.id))
    }

    fn options(&self) -> SocketResult<TcpOptions> {
        Ok(self.net(|net, id| net.tcp_options(id))?)
    }

    fn change(&self, change: impl FnOnce(&mut TcpOptions)) -> SocketResult<()> {
        Ok(self.net(|net, id| {
            let mut options = net.tcp_options(id)?;
            change(&mut options);
            net.set_tcp_options(id, options)
        })?)
    }

    fn set_backlog(&self, value: u64) -> SocketResult<()> {
        let backlog = at_least_one(value)?;
        if self.net(|net, id| net.remote_address(id)).is_ok() {
            return Err(ErrorCode::InvalidState.into());
        }
        self.change(|options| options.backlog = usize::try_from(backlog).unwrap_or(usize::MAX))
    }

    fn start(&mut self, operation: Operation, result: Result<(), net::Error>) -> SocketResult<()> {
        result?;
        self.operation = Some(operation);
        Ok(())
    }

    fn check_idle(&self) -> SocketResult<()> {
        match self.operation {
            Some(_) => Err(ErrorCode::ConcurrencyConflict.into()),
            None => Ok(()),
        }
    }

    fn check_in_progress(&self, operation: Operation) -> SocketResult<()> {
        if self.operation == Some(operation) {
            Ok(())
        } else {
            Err(ErrorCode::NotInProgress.into())
        }
    }
}

impl Drop for TcpSocket {
    fn drop(&mut self) {
        self.net(Namespace::close);
    }
}

#[async_trait::async_trait]
impl Pollable for TcpSocket {
    async fn ready(&mut self) {
        match self.operation {
            Some(Operation::Bind | Operation::Listen) => {}
            Some(Operation::Connect) | None => {
                poll_fn(|cx| self.net(|net, id| net.poll_tcp_ready(id, cx.waker()))).await;
            }
        }
    }
}

impl Guest {
    fn tcp(&self, socket: &Resource<TcpSocket>) -> SocketResult<&TcpSocket> {
        Ok(self.table.get(socket)?)
    }

    fn tcp_mut(&mut self, socket: &Resource<TcpSocket>) -> SocketResult<&mut TcpSocket> {
        Ok(self.table.get_mut(socket)?)
    }

    fn push_streams(
        &mut self,
        socket: &Resource<TcpSocket>,
        end: End,
    ) -> SocketResult<(Resource<DynInputStream>, Resource<DynOutputStream>)> {
        let meanings = self.scheduled().map(|_| self.meaning_of_connection(&end));
        let input: DynInputStream = Box::new(TcpInput::new(end.clone()));
        let output: DynOutputStream = Box::new(TcpOutput::new(end));
        let input = self.table.push_child(input, socket)?;
        let output = self.table.push_child(output, socket)?;
        if let Some([incoming, outgoing]) = meanings {
            let halves = [incoming.object(), outgoing.object()];
            let label = outgoing.label().to_owned();
            self.tcp_mut(socket)?.connection = Some((label, halves));
            self.meanings.add_stream(input.rep(), Some(incoming));
            self.meanings.add_stream(output.rep(), Some(outgoing));
        }
        Ok((input, output))
    }
}

impl tcp_create_socket::Host for Guest {
    fn create_tcp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<TcpSocket>> {
        let (process, family) = (self.process, family.into());
        let container = self.container.clone();
        let id = self.pod.with(|kernel| {
            let id = kernel.net.tcp_create(Some(process), family)?;
            kernel.net.set_container(id, &container.name);
            Ok::<_, net::Error>(id)
        })?;
        let socket = TcpSocket {
            pod: self.pod.clone(),
            id,
            family,
            operation: None,
            connection: None,
        };
        Ok(self.table.push(socket)?)
    }
}

impl tcp::Host for Guest {}

impl tcp::HostTcpSocket for Guest {
    async fn start_bind(
        &mut self,
        this: Resource<TcpSocket>,
        network: Resource<Network>,
        local_address: IpSocketAddress,
    ) -> SocketResult<()> {
        self.table.get(&network)?;
        let address = local_address.into();
        let turn = self.enter_port("tcp.bind", Protocol::Tcp, Some(address));
        turn.await;
        let socket = self.tcp_mut(&this)?;
        socket.check_idle()?;
        let result = socket.net(|net, id| net.tcp_bind(id, address));
        let started = socket.start(Operation::Bind, result);
        self.leave(&started);
        started
    }

    fn finish_bind(&mut self, this: Resource<TcpSocket>) -> SocketResult<()> {
        let socket = self.tcp_mut(&this)?;
        socket.check_in_progress(Operation::Bind)?;
        socket.operation = None;
        Ok(())
    }

    async fn start_connect(
        &mut self,
        this: Resource<TcpSocket>,
        network: Resource<Network>,
        remote_address: IpSocketAddress,
    ) -> SocketResult<()> {
        self.table.get(&network)?;
        let address = remote_address.into();
        let turn = self.enter_port("tcp.connect", Protocol::Tcp, Some(address));
        turn.await;
        let socket = self.tcp_mut(&this)?;
        socket.check_idle()?;
        let result = socket.net(|net, id| net.tcp_connect(id, address));
        let started = socket.start(Operation::Connect, result);
        self.leave(&started);
        started
    }

    fn finish_connect(
        &mut self,
        this: Resource<TcpSocket>,
    ) -> SocketResult<(Resource<DynInputStream>, Resource<DynOutputStream>)> {
        let socket = self.tcp_mut(&this)?;
        socket.check_in_progress(Operation::Connect)?;
        let Poll::Ready(result) = socket.net(|net, id| net.poll_connect(id, Waker::noop())) else {
            return Err(ErrorCode::WouldBlock.into());
        };
        socket.operation = None;
        self.push_streams(&this, result?)
    }

    async fn start_listen(&mut self, this: Resource<TcpSocket>) -> SocketResult<()> {
        let turn = self.enter_own_port("tcp.listen", self.tcp(&this)?.id);
        turn.await;
        let socket = self.tcp_mut(&this)?;
        socket.check_idle()?;
        // Unlike `listen(2)`, WASI does not bind.
        let result = socket.net(|net, id| net.local_address(id).and_then(|_| net.tcp_listen(id)));
        let started = socket.start(Operation::Listen, result);
        self.leave(&started);
        started
    }

    fn finish_listen(&mut self, this: Resource<TcpSocket>) -> SocketResult<()> {
        let socket = self.tcp_mut(&this)?;
        socket.check_in_progress(Operation::Listen)?;
        socket.operation = None;
        Ok(())
    }

    async fn accept(
        &mut self,
        this: Resource<TcpSocket>,
    ) -> SocketResult<(
        Resource<TcpSocket>,
        Resource<DynInputStream>,
        Resource<DynOutputStream>,
    )> {
        let turn = self.enter_own_port("tcp.accept", self.tcp(&this)?.id);
        turn.await;
        let listener = self.tcp(&this)?;
        let family = listener.family;
        let accepted = match listener.net(|net, id| net.poll_accept(id, Waker::noop())) {
            Poll::Ready(accepted) => accepted.map_err(Failure::from),
            Poll::Pending => Err(ErrorCode::WouldBlock.into()),
        };
        self.leave(&accepted);
        let (id, end) = accepted?;
        let socket = TcpSocket {
            pod: self.pod.clone(),
            id,
            family,
            operation: None,
            connection: None,
        };
        let socket = self.table.push(socket)?;
        let (input, output) = self.push_streams(&socket, end)?;
        Ok((socket, input, output))
    }

    fn local_address(&mut self, this: Resource<TcpSocket>) -> SocketResult<IpSocketAddress> {
        Ok(self
            .tcp(&this)?
            .net(|net, id| net.local_address(id))?
            .into())
    }

    fn remote_address(&mut self, this: Resource<TcpSocket>) -> SocketResult<IpSocketAddress> {
        let socket = self.tcp(&this)?;
        if socket.operation == Some(Operation::Connect) {
            return Err(ErrorCode::InvalidState.into());
        }
        Ok(socket.net(|net, id| net.remote_address(id))?.into())
    }

    fn is_listening(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<bool> {
        Ok(self.table.get(&this)?.net(|net, id| net.is_listening(id)))
    }

    fn address_family(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<IpAddressFamily> {
        Ok(self.table.get(&this)?.family.into())
    }

    async fn set_listen_backlog_size(
        &mut self,
        this: Resource<TcpSocket>,
        value: u64,
    ) -> SocketResult<()> {
        let turn = self.enter_own_port("tcp.backlog", self.tcp(&this)?.id);
        turn.await;
        let changed = self.tcp(&this)?.set_backlog(value);
        self.leave(&changed);
        changed
    }

    fn keep_alive_enabled(&mut self, this: Resource<TcpSocket>) -> SocketResult<bool> {
        Ok(self.tcp(&this)?.options()?.keep_alive)
    }

    fn set_keep_alive_enabled(
        &mut self,
        this: Resource<TcpSocket>,
        value: bool,
    ) -> SocketResult<()> {
        self.tcp(&this)?
            .change(|options| options.keep_alive = value)
    }

    fn keep_alive_idle_time(&mut self, this: Resource<TcpSocket>) -> SocketResult<u64> {
        Ok(nanos(self.tcp(&this)?.options()?.keep_alive_idle))
    }

    fn set_keep_alive_idle_time(
        &mut self,
        this: Resource<TcpSocket>,
        value: u64,
    ) -> SocketResult<()> {
        let time = keep_alive_time(at_least_one(value)?);
        self.tcp(&this)?
            .change(|options| options.keep_alive_idle = time)
    }

    fn keep_alive_interval(&mut self, this: Resource<TcpSocket>) -> SocketResult<u64> {
        Ok(nanos(self.tcp(&this)?.options()?.keep_alive_interval))
    }

    fn set_keep_alive_interval(
        &mut self,
        this: Resource<TcpSocket>,
        value: u64,
    ) -> SocketResult<()> {
        let time = keep_alive_time(at_least_one(value)?);
        self.tcp(&this)?
            .change(|options| options.keep_alive_interval = time)
    }

    fn keep_alive_count(&mut self, this: Resource<TcpSocket>) -> SocketResult<u32> {
        Ok(self.tcp(&this)?.options()?.keep_alive_count)
    }

    fn set_keep_alive_count(&mut self, this: Resource<TcpSocket>, value: u32) -> SocketResult<()> {
        at_least_one(value.into())?;
        self.tcp(&this)?
            .change(|options| options.keep_alive_count = value.min(KEEP_ALIVE_COUNT_MAX))
    }

    fn hop_limit(&mut self, this: Resource<TcpSocket>) -> SocketResult<u8> {
        Ok(self.tcp(&this)?.options()?.hop_limit)
    }

    fn set_hop_limit(&mut self, this: Resource<TcpSocket>, value: u8) -> SocketResult<()> {
        at_least_one(value.into())?;
        self.tcp(&this)?.change(|options| options.hop_limit = value)
    }

    fn receive_buffer_size(&mut self, this: Resource<TcpSocket>) -> SocketResult<u64> {
        Ok(self.tcp(&this)?.options()?.buffers.receive as u64)
    }

    fn set_receive_buffer_size(
        &mut self,
        this: Resource<TcpSocket>,
        value: u64,
    ) -> SocketResult<()> {
        let bytes = buffer_bytes(value)?;
        self.tcp(&this)?
            .change(|options| options.buffers.receive = bytes)
    }

    fn send_buffer_size(&mut self, this: Resource<TcpSocket>) -> SocketResult<u64> {
        Ok(self.tcp(&this)?.options()?.buffers.send as u64)
    }

    fn set_send_buffer_size(&mut self, this: Resource<TcpSocket>, value: u64) -> SocketResult<()> {
        let bytes = buffer_bytes(value)?;
        self.tcp(&this)?
            .change(|options| options.buffers.send = bytes)
    }

    fn subscribe(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<Resource<DynPollable>> {
        let socket = this.rep();
        let pollable = subscribe(&mut self.table, this)?;
        if self.scheduled().is_some() {
            self.meanings
                .add_pollable(pollable.rep(), Polled::TcpSocket(socket));
        }
        Ok(pollable)
    }

    async fn shutdown(
        &mut self,
        this: Resource<TcpSocket>,
        shutdown_type: tcp::ShutdownType,
    ) -> SocketResult<()> {
        let how = match shutdown_type {
            tcp::ShutdownType::Receive => net::Shutdown::Receive,
            tcp::ShutdownType::Send => net::Shutdown::Send,
            tcp::ShutdownType::Both => net::Shutdown::Both,
        };
        let turn = self.enter_halves("tcp.shutdown", self.tcp(&this)?);
        turn.await;
        let result = self.tcp(&this)?.net(|net, id| net.tcp_shutdown(id, how));
        let result = result.map_err(Failure::from);
        self.leave(&result);
        result
    }

    async fn drop(&mut self, this: Resource<TcpSocket>) -> wasmtime::Result<()> {
        let turn = self.enter_close(self.table.get(&this)?);
        turn.await;
        self.table.delete(this)?;
        self.leave_done();
        Ok(())
    }
}

/// Linux: 32,767 seconds.
const KEEP_ALIVE_TIME_MAX: Duration = Duration::from_secs(32_767);
/// Linux: 127.
const KEEP_ALIVE_COUNT_MAX: u32 = 127;

pub(super) fn at_least_one(value: u64) -> SocketResult<u64> {
    if value == 0 {
        Err(ErrorCode::InvalidArgument.into())
    } else {
        Ok(value)
    }
}

/// The kernel of the pod caps it.
pub(super) fn buffer_bytes(value: u64) -> SocketResult<usize> {
    Ok(usize::try_from(at_least_one(value)?).unwrap_or(usize::MAX))
}

/// Linux keeps whole seconds.
fn keep_alive_time(nanos: u64) -> Duration {
    let time = Duration::from_secs(Duration::from_nanos(nanos).as_secs());
    time.clamp(Duration::from_secs(1), KEEP_ALIVE_TIME_MAX)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
