//! `seedpod serve` under clients that mean no good, and under kills.

#![cfg(target_os = "linux")]

mod https;
mod kill;
mod security;
mod served;
