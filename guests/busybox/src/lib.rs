//! A POSIX shell and the small tools around it, as one program that goes by many names.
//!
//! Texts and statuses are those of BusyBox 1.35, so that scripts and people find what they know.

pub mod applets;
pub mod files;
pub mod http;
pub mod regex;
pub mod sh;
pub mod sys;
pub mod time;
pub mod tool;

pub use applets::is_applet;

/// Runs the tool that the first argument names, or the second after `busybox`.
pub fn main() -> u8 {
    sys::enter_initial_directory();
    let arguments: Vec<String> = std::env::args_os()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let name = arguments.first().map_or("", |path| base_name(path));
    if name.is_empty() || name.starts_with("busybox") {
        return applets::busybox(&arguments);
    }
    applets::run(name, &arguments)
}

/// The last part of a path, without the dash of a login shell.
fn base_name(path: &str) -> &str {
    path.rsplit('/')
        .next()
        .unwrap_or(path)
        .trim_start_matches('-')
}
