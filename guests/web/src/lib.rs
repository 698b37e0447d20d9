//! What the web guests share.
