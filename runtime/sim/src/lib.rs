//! World 1: pods in virtual time, from one seed, on one thread.
//!
//! [`Simulation`] polls the pods of a run in turn; when none of them can go on, time jumps to the next deadline. A guest
//! that runs takes virtual time too, so one that spins on the clock still gets there. Nothing here reads the machine's
//! clock, entropy, files or network: the same seed, objects and images give the same output, byte for byte.

mod builder;
mod clock;
mod disk;
mod drive;
pub mod explore;
mod faults;
mod machine;
pub mod property;
mod record;
pub mod report;
pub mod run;
mod scheduler;
mod server;
mod simulation;
mod world;

pub use builder::{Passed, PodTestBuilder, TestError};
pub use disk::Disks;
pub use property::{Compiled, Properties, View};
pub use record::{Keep, Recorded};
pub use server::ServerSimulation;
pub use simulation::{Scheduling, Settings, Simulation, StartError};
pub use world::{Images, Record};
