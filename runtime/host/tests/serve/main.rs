//! `seedpod serve` under clients that mean no good, and under kills.

mod https;
mod kill;
mod security;
mod served;
