//! A web server that reads nginx' configuration and answers as nginx does.

pub mod cli;
pub mod config;
pub mod directives;
pub mod error;
pub mod lexer;
pub mod load;
pub mod serve;
pub mod template;
pub mod tree;
pub mod values;

/// The version whose behaviour this is.
pub const VERSION: &str = "1.27.5";
/// As in the `Server` header.
pub const NAME: &str = "nginx/1.27.5";
