//! Controllers in virtual time: the test says what clients do and what becomes of pods, and expects what is there then.

mod play;
mod properties;
mod scripts;
