//! Real guests in virtual time.

mod processes;
mod programs;
mod sessions;
mod slices;
mod support;
