//! Where calls of different containers meet in the network: the names by which a scheduler tells them apart.

use super::fabric::{Fabric, pod_ipv4};
use super::{Namespace, Protocol};
use std::net::{IpAddr, SocketAddr};

impl Namespace {
    /// The ports that a call on an address of this pod's network is about: one name for each, however it was addressed.
    /// Of a Service, its own and those behind it, as any of them may get the call.
    pub fn places(&self, protocol: Protocol, address: SocketAddr) -> Vec<SocketAddr> {
        if address.ip().is_unspecified() || self.is_own(address.ip()) {
            return vec![(IpAddr::from(self.pod_ip()), address.port()).into()];
        }
        self.fabric.places(protocol, address)
    }
}

impl Fabric {
    fn places(&self, protocol: Protocol, address: SocketAddr) -> Vec<SocketAddr> {
        let state = self.lock();
        let pod = pod_ipv4(address.ip()).filter(|ip| state.is_pod(*ip));
        if let Some(ip) = pod {
            return vec![(ip, address.port()).into()];
        }
        let service = state
            .service_ips
            .get(&address.ip())
            .and_then(|key| state.services.get(key));
        let mut places = vec![address];
        if let Some(service) = service {
            places.extend(service.backends(protocol, address.port(), &state.pods));
        }
        places
    }
}
