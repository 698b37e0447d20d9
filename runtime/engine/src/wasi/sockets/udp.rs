//! `wasi:sockets/udp` and `udp-create-socket`.

use super::bindings::wasi::sockets::network::{ErrorCode, IpAddressFamily, IpSocketAddress};
use super::bindings::wasi::sockets::{udp, udp_create_socket};
use super::tcp::{at_least_one, buffer_bytes};
use super::{Failure, Network, SocketResult};
use crate::guest::{Guest, PodCell};
use crate::meaning::Polled;
use seedpod_core::limits::DATAGRAMS_PER_SEND;
use seedpod_core::net::{self, Family, Mailbox, Namespace, Protocol, SocketId, UdpOptions};
use std::any::Any;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use wasmtime::component::Resource;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

/// A UDP socket of a guest; closed when dropped.
pub struct UdpSocket {
    pod: Arc<PodCell>,
    id: SocketId,
    family: Family,
    binding: bool,
}

/// Receives for a [`UdpSocket`].
pub struct IncomingDatagramStream {
    mailbox: Mailbox,
    id: SocketId,
}

/// Sends for a [`UdpSocket`].
pub struct OutgoingDatagramStream {
    pod: Arc<PodCell>,
    id: SocketId,
    /// Datagrams that the last `check-send` allowed.
    permit: usize,
}

impl UdpSocket {
    fn net<R>(&self, call: impl FnOnce(&mut Namespace, SocketId) -> R) -> R {
        self.pod.with(|kernel| call(&mut kernel.net, self.id))
    }

    fn options(&self) -> SocketResult<UdpOptions> {
        Ok(self.net(|net, id| net.udp_options(id))?)
    }

    fn bind(&mut self, address: SocketAddr) -> SocketResult<()> {
        if self.binding {
            return Err(ErrorCode::ConcurrencyConflict.into());
        }
        self.net(|net, id| net.udp_bind(id, address))?;
        self.binding = true;
        Ok(())
    }

    fn change(&self, change: impl FnOnce(&mut UdpOptions)) -> SocketResult<()> {
        Ok(self.net(|net, id| {
            let mut options = net.udp_options(id)?;
            change(&mut options);
            net.set_udp_options(id, options)
        })?)
    }
}

impl Drop for UdpSocket {
    fn drop(&mut self) {
        self.net(Namespace::close);
    }
}

impl IncomingDatagramStream {
    fn receive(&self, max_results: u64) -> SocketResult<Vec<udp::IncomingDatagram>> {
        let mut received = Vec::new();
        while (received.len() as u64) < max_results
            && let Some(datagram) = self.mailbox.try_receive()
        {
            let datagram = datagram?;
            received.push(udp::IncomingDatagram {
                data: datagram.data.into(),
                remote_address: datagram.from.into(),
            });
        }
        Ok(received)
    }
}

impl OutgoingDatagramStream {
    fn send(&mut self, datagrams: Vec<udp::OutgoingDatagram>) -> SocketResult<u64> {
        if datagrams.is_empty() {
            return Ok(0);
        }
        if datagrams.len() > std::mem::take(&mut self.permit) {
            return Err(Failure::Trap(wasmtime::format_err!(
                "send exceeds what check-send has permitted"
            )));
        }
        self.pod.with(|kernel| {
            let mut sent = 0;
            for datagram in datagrams {
                let to = datagram.remote_address.map(SocketAddr::from);
                match kernel.net.udp_send(self.id, datagram.data.into(), to) {
                    Ok(()) => sent += 1,
                    // "If at least one datagram has been sent successfully, this function never returns an error."
                    Err(_) if sent > 0 => break,
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(sent)
        })
    }
}

#[async_trait::async_trait]
impl Pollable for UdpSocket {
    /// Its only operation, bind, ends at once.
    async fn ready(&mut self) {}
}

#[async_trait::async_trait]
impl Pollable for IncomingDatagramStream {
    async fn ready(&mut self) {
        poll_fn(|cx| self.mailbox.poll_receivable(cx.waker())).await;
    }
}

#[async_trait::async_trait]
impl Pollable for OutgoingDatagramStream {
    /// What the receiver has no room for is dropped, so that a sender never waits.
    async fn ready(&mut self) {}
}

impl Guest {
    fn udp(&self, socket: &Resource<UdpSocket>) -> SocketResult<&UdpSocket> {
        Ok(self.table.get(socket)?)
    }
}

impl udp_create_socket::Host for Guest {
    fn create_udp_socket(&mut self, family: IpAddressFamily) -> SocketResult<Resource<UdpSocket>> {
        let (process, family) = (self.process, family.into());
        let container = self.container.clone();
        let id = self.pod.with(|kernel| {
            let id = kernel.net.udp_create(Some(process), family)?;
            kernel.net.set_container(id, &container.name);
            Ok::<_, net::Error>(id)
        })?;
        let socket = UdpSocket {
            pod: self.pod.clone(),
            id,
            family,
            binding: false,
        };
        Ok(self.table.push(socket)?)
    }
}

impl udp::Host for Guest {}

impl udp::HostUdpSocket for Guest {
    async fn start_bind(
        &mut self,
        this: Resource<UdpSocket>,
        network: Resource<Network>,
        local_address: IpSocketAddress,
    ) -> SocketResult<()> {
        self.table.get(&network)?;
        let address = local_address.into();
        let turn = self.enter_port("udp.bind", Protocol::Udp, Some(address));
        turn.await;
        let bound = self.table.get_mut(&this)?.bind(address);
        self.leave(&bound);
        bound
    }

    fn finish_bind(&mut self, this: Resource<UdpSocket>) -> SocketResult<()> {
        let socket = self.table.get_mut(&this)?;
        if !std::mem::take(&mut socket.binding) {
            return Err(ErrorCode::NotInProgress.into());
        }
        Ok(())
    }

    async fn stream(
        &mut self,
        this: Resource<UdpSocket>,
        remote_address: Option<IpSocketAddress>,
    ) -> SocketResult<(
        Resource<IncomingDatagramStream>,
        Resource<OutgoingDatagramStream>,
    )> {
        let is_stream = |child: &dyn Any| {
            child.is::<IncomingDatagramStream>() || child.is::<OutgoingDatagramStream>()
        };
        if self
            .table
            .iter_children(&this)?
            .any(|child| is_stream(child))
        {
            return Err(Failure::Trap(wasmtime::format_err!(
                "the streams of the UDP socket are not dropped yet"
            )));
        }
        let turn = self.enter_mailbox("udp.connect", self.udp(&this)?.id);
        turn.await;
        let socket = self.udp(&this)?;
        let (pod, id) = (socket.pod.clone(), socket.id);
        let mailbox = socket.net(|net, id| {
            // Unlike `connect(2)`, WASI does not bind.
            net.local_address(id)?;
            net.udp_connect(id, remote_address.map(SocketAddr::from))?;
            net.mailbox(id)
        });
        let mailbox = mailbox.map_err(Failure::from);
        self.leave(&mailbox);
        let mailbox = mailbox?;
        let incoming = IncomingDatagramStream { mailbox, id };
        let incoming = self.table.push_child(incoming, &this)?;
        let outgoing = self
            .table
            .push_child(OutgoingDatagramStream { pod, id, permit: 0 }, &this)?;
        Ok((incoming, outgoing))
    }

    fn local_address(&mut self, this: Resource<UdpSocket>) -> SocketResult<IpSocketAddress> {
        Ok(self
            .udp(&this)?
            .net(|net, id| net.local_address(id))?
            .into())
    }

    fn remote_address(&mut self, this: Resource<UdpSocket>) -> SocketResult<IpSocketAddress> {
        Ok(self
            .udp(&this)?
            .net(|net, id| net.remote_address(id))?
            .into())
    }

    fn address_family(&mut self, this: Resource<UdpSocket>) -> wasmtime::Result<IpAddressFamily> {
        Ok(self.table.get(&this)?.family.into())
    }

    fn unicast_hop_limit(&mut self, this: Resource<UdpSocket>) -> SocketResult<u8> {
        Ok(self.udp(&this)?.options()?.hop_limit)
    }

    fn set_unicast_hop_limit(&mut self, this: Resource<UdpSocket>, value: u8) -> SocketResult<()> {
        at_least_one(value.into())?;
        self.udp(&this)?.change(|options| options.hop_limit = value)
    }

    fn receive_buffer_size(&mut self, this: Resource<UdpSocket>) -> SocketResult<u64> {
        Ok(self.udp(&this)?.options()?.buffers.receive as u64)
    }

    fn set_receive_buffer_size(
        &mut self,
        this: Resource<UdpSocket>,
        value: u64,
    ) -> SocketResult<()> {
        let bytes = buffer_bytes(value)?;
        self.udp(&this)?
            .change(|options| options.buffers.receive = bytes)
    }

    fn send_buffer_size(&mut self, this: Resource<UdpSocket>) -> SocketResult<u64> {
        Ok(self.udp(&this)?.options()?.buffers.send as u64)
    }

    fn set_send_buffer_size(&mut self, this: Resource<UdpSocket>, value: u64) -> SocketResult<()> {
        let bytes = buffer_bytes(value)?;
        self.udp(&this)?
            .change(|options| options.buffers.send = bytes)
    }

    fn subscribe(&mut self, this: Resource<UdpSocket>) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.table, this)
    }

    async fn drop(&mut self, this: Resource<UdpSocket>) -> wasmtime::Result<()> {
        let turn = self.enter_mailbox("udp.close", self.table.get(&this)?.id);
        turn.await;
        self.table.delete(this)?;
        self.leave_done();
        Ok(())
    }
}

impl udp::HostIncomingDatagramStream for Guest {
    async fn receive(
        &mut self,
        this: Resource<IncomingDatagramStream>,
        max_results: u64,
    ) -> SocketResult<Vec<udp::IncomingDatagram>> {
        let turn = self.enter_mailbox("udp.receive", self.table.get(&this)?.id);
        turn.await;
        let received = self.table.get(&this)?.receive(max_results);
        self.leave_with(&received, || {
            let count = received.as_ref().map_or(0, Vec::len);
            format!("{count} datagrams")
        });
        received
    }

    fn subscribe(
        &mut self,
        this: Resource<IncomingDatagramStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        let touches = self.polled_mailbox(self.table.get(&this)?.id);
        let pollable = subscribe(&mut self.table, this)?;
        self.meanings
            .add_pollable(pollable.rep(), Polled::Objects(touches));
        Ok(pollable)
    }

    fn drop(&mut self, this: Resource<IncomingDatagramStream>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl udp::HostOutgoingDatagramStream for Guest {
    fn check_send(&mut self, this: Resource<OutgoingDatagramStream>) -> SocketResult<u64> {
        self.table.get_mut(&this)?.permit = DATAGRAMS_PER_SEND;
        Ok(DATAGRAMS_PER_SEND as u64)
    }

    async fn send(
        &mut self,
        this: Resource<OutgoingDatagramStream>,
        datagrams: Vec<udp::OutgoingDatagram>,
    ) -> SocketResult<u64> {
        let id = self.table.get(&this)?.id;
        let to = datagrams.iter().map(|datagram| datagram.remote_address);
        let to: Vec<_> = to.map(|to| to.map(SocketAddr::from)).collect();
        let turn = self.enter_send(id, &to);
        turn.await;
        let sent = self.table.get_mut(&this)?.send(datagrams);
        self.leave_with(&sent, || {
            format!("{} datagrams", sent.as_ref().unwrap_or(&0))
        });
        sent
    }

    fn subscribe(
        &mut self,
        this: Resource<OutgoingDatagramStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.table, this)
    }

    fn drop(&mut self, this: Resource<OutgoingDatagramStream>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
