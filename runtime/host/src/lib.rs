//! Runs ordinary Kubernetes Pod manifests as WebAssembly, inside the process that calls it.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let node = seedpod::Node::builder().build()?;
//! let started = node.run(&std::fs::read_to_string("manifests/mc2.yaml")?)?;
//! let mut logs = started.pods[0].logs();
//! while let Some(line) = logs.next().await {
//!     println!("[{}] {}", line.container, String::from_utf8_lossy(&line.bytes));
//! }
//! println!("{}", started.pods[0].wait().await.phase);
//! # Ok(())
//! # }
//! ```
//!
//! Reading order: [`Node`] starts pods, [`Pod`] is one of them; then what they meet outside: `world`, [`images`],
//! `publish`, `egress`, [`folders`]; [`StaticPods`] are pods that a folder asks for;
//! [`serve`] is the API server for kubectl; [`testing`] makes deterministic runs. The command line is a program over this library.

pub mod folders;
pub mod images;
pub mod serve;
pub mod testing;

mod connection;
mod egress;
mod logs;
mod node;
mod pod;
mod publish;
mod record;
mod session;
mod static_pods;
mod world;

pub use connection::Connection;
pub use node::{Node, NodeBuilder, NodeError, StartError, Started};
pub use pod::{Events, Listener, Logs, LogsError, Pod, Which};
pub use publish::{Publish, PublishError, PublishParseError, Published};
pub use seedpod_api as api;
pub use seedpod_core::net::Egress;
pub use seedpod_core::process::{ExitStatus, Signal};
pub use seedpod_core::{pod as status, spec};
pub use seedpod_engine::world::{ImageError, LogLine, LogStream, Output, PodName};
pub use seedpod_engine::{AttachRequest, Engine, EngineSettings, ExecError, ExecRequest};
pub use session::{Attach, Exec};
pub use static_pods::{StaticPodEvent, StaticPods, StaticPodsError};
pub use world::Observer;
