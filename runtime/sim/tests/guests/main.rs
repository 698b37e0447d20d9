//! Real guests in virtual time.

mod processes;
mod programs;
mod slices;
mod support;
