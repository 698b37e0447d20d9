//! What the web guests share.

pub mod nginx;
