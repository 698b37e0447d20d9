//! The program that Kubernetes' own tests run in their pods: one subcommand for each thing a test looks at.
//!
//! Flags, endpoints and printed texts are those of agnhost 2.63.0, so that what a test expects of the one it gets from
//! the other. [`go`], [`flags`], [`form`], [`json`] and [`grpc`] know how a Go program writes and reads things; the rest are the
//! subcommands and the HTTP they share.

#[cfg(target_os = "wasi")]
pub mod command;
pub mod flags;
pub mod form;
pub mod go;
pub mod grpc;
pub mod json;

#[cfg(target_os = "wasi")]
mod dns;
#[cfg(target_os = "wasi")]
mod entrypoint_tester;
#[cfg(target_os = "wasi")]
mod grpc_health_checking;
#[cfg(target_os = "wasi")]
mod http;
#[cfg(target_os = "wasi")]
mod liveness;
#[cfg(target_os = "wasi")]
mod logs_generator;
#[cfg(target_os = "wasi")]
mod mounttest;
#[cfg(target_os = "wasi")]
mod netexec;
#[cfg(target_os = "wasi")]
mod nettest;
#[cfg(target_os = "wasi")]
mod pause;
#[cfg(target_os = "wasi")]
mod system;
#[cfg(target_os = "wasi")]
mod test_webserver;
