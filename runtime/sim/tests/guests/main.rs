//! Real guests in virtual time.

mod disks;
mod faults;
mod limits;
mod probes;
mod processes;
mod programs;
mod sessions;
mod slices;
mod support;
