//! Runs the containers of a pod on wasmtime. The only crate that names it.
//!
//! Reading order: [`world`], what is asked of the outside; `catalog`, the objects pods refer to; [`run`], the loop of one pod; `running`, one process from its
//! start to its end; [`scheduler`] and `calls`, who goes on where that is decided; `guest` and `description`, what host functions see; `session` and `console`,
//! exec and attach; `meters`, what limits hold; `wasi`, the host functions; `engine`,
//! `programs`, `program` and `cache`, how code gets compiled once.

pub mod cache;
pub mod guest;
pub mod run;
pub mod scheduler;
pub mod settings;
pub mod tls;
pub mod world;

mod calls;
mod capture;
mod catalog;
mod cgroup;
mod console;
mod description;
mod engine;
mod exec;
mod host_dir;
mod ipc;
mod jobs;
mod meaning;
mod meters;
mod outbox;
mod proc;
mod program;
mod programs;
mod running;
mod session;
mod ticker;
mod wasi;

pub use catalog::{Applied, Catalog, CatalogError};
pub use engine::{Engine, EngineError};
pub use host_dir::{host_dir_volume, host_file_volume};
pub use program::LoadError;
pub use run::{ContainerUsage, Exhaustion, PodHandle, PodStart, Request};
pub use session::{AttachRequest, ExecError, ExecRequest, ExecSession, Session};
pub use settings::{EngineSettings, FirstRun, Slice, WASMTIME_VERSION};
