//! The real binary as a server.

use crate::https::Client;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// How `seedpod serve` is started on a state folder.
pub(crate) fn command(state: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seedpod"));
    command
        .args(["serve", "--state-dir"])
        .arg(state)
        .args(arguments)
        .env(
            "SEEDPOD_CACHE",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"),
        )
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A server that is ready.
pub(crate) struct Served {
    pub(crate) child: Child,
    pub(crate) client: Client,
    pub(crate) state: PathBuf,
}

impl Served {
    pub(crate) fn start(state: &Path, arguments: &[&str]) -> Self {
        Self::of(command(state, arguments).spawn().unwrap(), state)
    }

    /// Waits until a server is ready.
    pub(crate) fn of(mut child: Child, state: &Path) -> Self {
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut lines = out.lines().map_while(Result::ok);
        let address = lines.find_map(|line| {
            let address = line.strip_prefix("# seedpod serves https://")?;
            address.parse().ok()
        });
        let Some(address) = address else {
            let mut error = String::new();
            child
                .stderr
                .take()
                .unwrap()
                .read_to_string(&mut error)
                .unwrap();
            panic!("it has not started: {error}");
        };
        // The last line that it prints.
        assert!(lines.any(|line| line.starts_with("export KUBECONFIG=")));
        Self {
            client: Client::of(state, address),
            child,
            state: state.to_owned(),
        }
    }

    /// Ends it as Ctrl-C would, and what it wrote to standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(status.unwrap().success());
        let mut error = String::new();
        let stderr = self.child.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut error).unwrap();
        (self.child.wait().unwrap().code(), error)
    }

    /// Bytes of memory that it holds.
    pub(crate) fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: u64 = line
            .and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
            .unwrap();
        kib << 10
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
