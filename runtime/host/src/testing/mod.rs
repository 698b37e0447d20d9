//! Deterministic tests of pods: reads test files and makes single runs of them. What runs are made, and why, is
//! [`seedpod_sim::explore`]; the command line is a program over both.

mod bench;
mod load;

pub use bench::{Bench, Compiler, engine};
pub use load::{LoadError, TestFile, fresh_seeds, load};
