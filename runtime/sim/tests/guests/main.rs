//! Real guests in virtual time.

mod limits;
mod processes;
mod programs;
mod sessions;
mod slices;
mod support;
