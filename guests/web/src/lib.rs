//! What the web guests share.

#[cfg(target_os = "wasi")]
pub mod app;
pub mod date;
pub mod nginx;
#[cfg(target_os = "wasi")]
pub mod rt;
pub mod stream;
