//! A web server that reads nginx' configuration and answers as nginx does.

pub mod body;
pub mod cli;
pub mod config;
pub mod connection;
pub mod directives;
pub mod error;
pub mod exchange;
pub mod files;
pub mod lexer;
pub mod listing;
pub mod load;
pub mod log;
pub mod pages;
pub mod proxy;
pub mod range;
pub mod request;
pub mod respond;
pub mod route;
#[cfg(target_os = "wasi")]
pub mod serve;
pub mod template;
pub mod tree;
pub mod upstream;
pub mod values;
pub mod world;

/// The version whose behaviour this is.
pub const VERSION: &str = "1.27.5";
/// As in the `Server` header.
pub const NAME: &str = "nginx/1.27.5";
