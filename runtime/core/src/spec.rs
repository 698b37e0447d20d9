//! What a person asked for.
