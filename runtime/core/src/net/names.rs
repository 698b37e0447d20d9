//! Names a pod knows without asking anyone, those of its `/etc/hosts`, and look-ups under way.

use super::stream::register;
use super::{Error, Family};
use crate::limits::HOST_NAME_BYTES_MAX;
use crate::spec::HostAlias;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// What `/etc/hosts` says, as [`etc_hosts`](crate::pod::hosts::etc_hosts) writes it.
#[derive(Debug)]
pub(super) struct Hosts {
    pub(super) hostname: String,
    pub(super) fqdn: Option<String>,
    pub(super) ip: Ipv4Addr,
    pub(super) aliases: Vec<HostAlias>,
}

impl Hosts {
    /// Addresses of `name`, in the order to try them: `localhost` is 127.0.0.1 before ::1.
    pub(super) fn lookup(&self, name: &str) -> Vec<IpAddr> {
        let own = [Some(&self.hostname), self.fqdn.as_ref()];
        match name {
            "localhost" => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            "ip6-localhost" | "ip6-loopback" => vec![Ipv6Addr::LOCALHOST.into()],
            _ if own
                .into_iter()
                .flatten()
                .any(|own| own.eq_ignore_ascii_case(name)) =>
            {
                vec![self.ip.into()]
            }
            _ => {
                let matches = |alias: &&HostAlias| {
                    alias
                        .hostnames
                        .iter()
                        .any(|known| known.eq_ignore_ascii_case(name))
                };
                let mut found: Vec<_> = self
                    .aliases
                    .iter()
                    .filter(matches)
                    .map(|alias| alias.ip)
                    .collect();
                found.sort_by_key(|ip| Family::of(*ip));
                found.dedup();
                found
            }
        }
    }
}

/// Lower case, without the final dot. Refuses what can be no name at all.
pub(super) fn normalize(name: &str) -> Result<String, Error> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = |label: &str| (1..=63).contains(&label.len());
    let character = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.len() > HOST_NAME_BYTES_MAX
        || !name.split('.').all(label)
        || !name.chars().all(character)
    {
        return Err(Error::InvalidArgument);
    }
    Ok(name.to_ascii_lowercase())
}

/// A look-up: answered already, or waiting for the world.
#[derive(Clone, Debug)]
pub struct Lookup(Answer);

impl Lookup {
    pub(super) fn ready(result: Result<Vec<IpAddr>, Error>) -> Self {
        let answer = Answer::default();
        answer.give(result);
        Self(answer)
    }

    pub(super) fn pending() -> (Self, Answer) {
        let answer = Answer::default();
        (Self(answer.clone()), answer)
    }

    /// The addresses, in the order to try them; never none.
    pub fn poll(&self, waker: &Waker) -> Poll<Result<Vec<IpAddr>, Error>> {
        let mut state = self.0.lock();
        match &state.result {
            Some(result) => Poll::Ready(result.clone()),
            None => {
                register(&mut state.waiting, waker);
                Poll::Pending
            }
        }
    }
}

/// Where the answer to a look-up goes; the first one counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    result: Option<Result<Vec<IpAddr>, Error>>,
    waiting: Option<Waker>,
}

impl Answer {
    pub(super) fn give(&self, result: Result<Vec<IpAddr>, Error>) {
        let mut state = self.lock();
        state.result.get_or_insert(result);
        let waiting = state.waiting.take();
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
