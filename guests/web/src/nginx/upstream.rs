//! Which server of an upstream gets the next request: smooth weighted round robin, or the fewest connections.

use super::config::{Peer, Upstream};
use std::rc::Rc;

pub struct Balancer {
    upstream: Rc<Upstream>,
    peers: Vec<PeerState>,
}

#[derive(Clone, Default)]
struct PeerState {
    current_weight: i64,
    effective_weight: i64,
    fails: u32,
    failed_ns: u64,
    checked_ns: u64,
    connections: u32,
}

impl Balancer {
    pub fn new(upstream: Rc<Upstream>) -> Self {
        let start = |peer: &Peer| PeerState {
            effective_weight: i64::from(peer.weight),
            ..PeerState::default()
        };
        let peers = upstream.peers.iter().map(start).collect();
        Balancer { upstream, peers }
    }

    pub fn upstream(&self) -> &Rc<Upstream> {
        &self.upstream
    }

    /// Picks a server that is not in `tried`: a backup only when no other is left.
    pub fn pick(&mut self, tried: &[usize], now_ns: u64) -> Option<usize> {
        let picked = self
            .pick_among(false, tried, now_ns)
            .or_else(|| self.pick_among(true, tried, now_ns))?;
        self.peers[picked].connections += 1;
        Some(picked)
    }

    fn pick_among(&mut self, backup: bool, tried: &[usize], now_ns: u64) -> Option<usize> {
        let single = self.upstream.peers.len() == 1;
        let mut usable = Vec::new();
        for (index, peer) in self.upstream.peers.iter().enumerate() {
            if peer.backup != backup || peer.down || tried.contains(&index) {
                continue;
            }
            let state = &self.peers[index];
            let timeout_ns = u64::try_from(peer.fail_timeout.as_nanos()).unwrap_or(u64::MAX);
            let failing = !single
                && peer.max_fails > 0
                && state.fails >= peer.max_fails
                && now_ns.saturating_sub(state.checked_ns) <= timeout_ns;
            if !failing {
                usable.push(index);
            }
        }
        if self.upstream.least_conn {
            let load = |&index: &usize| {
                u64::from(self.peers[index].connections) * 1_000_000
                    / u64::from(self.upstream.peers[index].weight)
            };
            let least = usable.iter().map(load).min()?;
            usable.retain(|index| load(index) == least);
        }
        let mut total = 0;
        let mut best: Option<usize> = None;
        for &index in &usable {
            let weight = i64::from(self.upstream.peers[index].weight);
            let state = &mut self.peers[index];
            state.current_weight += state.effective_weight;
            total += state.effective_weight;
            state.effective_weight = (state.effective_weight + 1).min(weight);
            if best.is_none_or(|best| {
                self.peers[index].current_weight > self.peers[best].current_weight
            }) {
                best = Some(index);
            }
        }
        let best = best?;
        self.peers[best].current_weight -= total;
        self.peers[best].checked_ns = now_ns;
        Some(best)
    }

    /// The request to that server is over.
    pub fn release(&mut self, index: usize, failed: bool, now_ns: u64) {
        let peer = &self.upstream.peers[index];
        let state = &mut self.peers[index];
        state.connections = state.connections.saturating_sub(1);
        if failed {
            state.fails = state.fails.saturating_add(1);
            state.failed_ns = now_ns;
            state.checked_ns = now_ns;
            if peer.max_fails > 0 {
                state.effective_weight -= i64::from(peer.weight) / i64::from(peer.max_fails);
            }
            state.effective_weight = state.effective_weight.max(0);
        } else if state.failed_ns < state.checked_ns {
            state.fails = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn weights_are_smooth() {
        assert_eq!(
            picks(&[(5, false), (1, false), (1, false)], &[], 7),
            [0, 0, 1, 0, 2, 0, 0]
        );
        assert_eq!(picks(&[(1, false), (1, false)], &[], 4), [0, 1, 0, 1]);
    }

    #[test]
    fn a_failing_server_rests_and_a_backup_helps_out() {
        assert_eq!(picks(&[(1, false), (1, false)], &[0], 4), [0, 1, 1, 1]);
        assert_eq!(picks(&[(1, false), (1, true)], &[0], 3), [0, 1, 1]);
    }

    fn picks(peers: &[(u32, bool)], failing: &[usize], count: usize) -> Vec<usize> {
        let peer = |&(weight, backup): &(u32, bool)| Peer {
            address: ([127, 0, 0, 1], 80).into(),
            weight,
            max_fails: 1,
            fail_timeout: Duration::from_secs(10),
            backup,
            down: false,
        };
        let peers = peers.iter().map(peer).collect();
        let mut balancer = Balancer::new(Rc::new(Upstream {
            name: "u".into(),
            least_conn: false,
            peers,
        }));
        let mut picked = Vec::new();
        for now_ns in 1..=count as u64 {
            let index = balancer.pick(&[], now_ns).expect("a server");
            balancer.release(index, failing.contains(&index), now_ns);
            picked.push(index);
        }
        picked
    }
}
