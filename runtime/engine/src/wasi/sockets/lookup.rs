//! `wasi:sockets/ip-name-lookup`.

use super::bindings::wasi::sockets::ip_name_lookup;
use super::bindings::wasi::sockets::network::{ErrorCode, IpAddress};
use super::{Network, SocketResult};
use crate::guest::Guest;
use seedpod_core::limits::NAME_FILE_BYTES_MAX;
use seedpod_core::net::{Lookup, NameFiles};
use std::future::poll_fn;
use std::task::{Poll, Waker};
use wasmtime::component::Resource;
use wasmtime_wasi_io::poll::{DynPollable, Pollable, subscribe};

/// Hands out the addresses of one name.
pub struct ResolveAddressStream {
    lookup: Lookup,
    /// How many the guest has got.
    taken: usize,
}

#[async_trait::async_trait]
impl Pollable for ResolveAddressStream {
    async fn ready(&mut self) {
        poll_fn(|cx| self.lookup.poll(cx.waker()).map(|_| ())).await;
    }
}

impl ip_name_lookup::Host for Guest {
    fn resolve_addresses(
        &mut self,
        network: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<ResolveAddressStream>> {
        self.table.get(&network)?;
        let process = self.process;
        let [hosts, resolv_conf] = ["/etc/hosts", "/etc/resolv.conf"].map(|path| {
            let file = self.files().read(self.caller(), path, NAME_FILE_BYTES_MAX);
            // As to a C library, a file that is not there says nothing.
            String::from_utf8_lossy(&file.unwrap_or_default()).into_owned()
        });
        let files = NameFiles {
            hosts: &hosts,
            resolv_conf: &resolv_conf,
        };
        let lookup = self
            .pod
            .with(|kernel| kernel.net.lookup(Some(process), &name, files))?;
        Ok(self.table.push(ResolveAddressStream { lookup, taken: 0 })?)
    }
}

impl ip_name_lookup::HostResolveAddressStream for Guest {
    fn resolve_next_address(
        &mut self,
        this: Resource<ResolveAddressStream>,
    ) -> SocketResult<Option<IpAddress>> {
        let stream = self.table.get_mut(&this)?;
        let Poll::Ready(result) = stream.lookup.poll(Waker::noop()) else {
            return Err(ErrorCode::WouldBlock.into());
        };
        let next = result?.get(stream.taken).map(|ip| (*ip).into());
        stream.taken += 1;
        Ok(next)
    }

    fn subscribe(
        &mut self,
        this: Resource<ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        subscribe(&mut self.table, this)
    }

    fn drop(&mut self, this: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}
