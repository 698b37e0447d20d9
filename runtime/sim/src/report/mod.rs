//! What a run leaves behind for people and tools.
//!
//! [`jsonl`] is the trace, one canonical line an event, and its hash; [`diff`](mod@diff) finds where two traces part.
//! [`failure`] is a failure with all that is known of it; [`text`] prints it, [`junit`] tells CI of it, [`html`] draws it.
//! [`perfetto`] is the timeline of a trace, [`pcap`] what passed the network. Nothing here opens a file: whoever calls has
//! the text, or gives a writer.

pub mod diff;
pub mod failure;
pub mod html;
pub mod jsonl;
pub mod junit;
mod links;
pub mod pcap;
pub mod perfetto;
pub mod text;

pub use diff::{Divergence, diff};
pub use failure::{
    Decisive, FailureReport, Minimised, PropertyReport, TestReport, Trouble, Verdict,
};
pub use jsonl::{TraceHash, write_event};

#[cfg(test)]
mod tests;
