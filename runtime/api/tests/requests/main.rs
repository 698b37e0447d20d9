//! What the API server answers to requests, as texts.

mod discovery;
mod reading;
mod server;
mod validation_of_fields;
mod writes;
