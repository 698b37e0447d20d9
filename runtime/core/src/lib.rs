//! The pod kernel: everything a pod decides, as plain data.
//!
//! Nothing here reads a clock, entropy, a file or a socket; time and chance are arguments. Every queue,
//! table and buffer that a guest can make grow has a bound in [`limits`].
//!
//! Reading order: [`time`] and [`seed`], the words of the rest; [`spec`], what a person asked for; [`pod`], its
//! lifecycle, and [`probe_client`], its probes over the network; then what guests see: [`process`], [`net`], [`ipc`],
//! [`volume`], [`image`], [`cpu`]; [`store`], what the API server keeps; last, what makes a run repeat and explores others: [`sched`],
//! [`trace`], and what a test of such runs is made of: [`podtest`].

pub mod cpu;
pub mod hash;
pub mod image;
pub mod ipc;
pub mod kernel;
pub mod limits;
pub mod log;
pub mod net;
pub mod pod;
pub mod podtest;
pub mod probe_client;
pub mod process;
pub mod sched;
pub mod seed;
pub mod spec;
pub mod store;
pub mod time;
pub mod trace;
pub mod volume;
