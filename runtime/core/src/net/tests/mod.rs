//! Tests of the network by data: what each call answers, and a stream against its model.

mod model;
mod rules;
mod script;
mod tap;
