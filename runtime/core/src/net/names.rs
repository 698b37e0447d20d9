//! Names a pod knows without asking anyone, those of its `/etc/hosts`, and look-ups under way.

use super::stream::register;
use super::{Error, Family};
use crate::limits::{ADDRESSES_PER_NAME, HOST_NAME_BYTES_MAX};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// The two files that a process looks names up with.
#[derive(Clone, Copy, Debug)]
pub struct NameFiles<'a> {
    /// `/etc/hosts`
    pub hosts: &'a str,
    /// `/etc/resolv.conf`
    pub resolv_conf: &'a str,
}

impl NameFiles<'_> {
    /// What `/etc/hosts` says of a name: IPv4 first, in the order of its lines.
    pub(super) fn hosts(&self, name: &str) -> Vec<IpAddr> {
        let mut found = Vec::new();
        for line in self.hosts.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let ip = words.next().and_then(|word| word.parse::<IpAddr>().ok());
            if let Some(ip) = ip
                && words.any(|known| known.eq_ignore_ascii_case(name))
                && !found.contains(&ip)
                && found.len() < ADDRESSES_PER_NAME
            {
                found.push(ip);
            }
        }
        found.sort_by_key(|ip| Family::of(*ip));
        found
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
