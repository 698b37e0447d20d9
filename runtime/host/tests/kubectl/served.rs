//! A server of its own for each test, and the clients there are.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A kubectl.
pub(crate) struct Client {
    /// `1.20`, `1.32`, `newest`.
    pub(crate) version: String,
    folder: PathBuf,
}

/// Where `.ci/clients` put them: `SEEDPOD_CLIENTS`, or `clients` in the target folder.
pub(crate) fn clients_folder() -> PathBuf {
    match env::var_os("SEEDPOD_CLIENTS") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("clients"),
    }
}

/// The kubectls there are, oldest first.
pub(crate) fn clients() -> Vec<Client> {
    let folders = ["1.20", "1.32", "newest"].map(|version| Client {
        version: version.to_owned(),
        folder: clients_folder().join(version),
    });
    let is_there = |client: &Client| client.folder.join("kubectl").is_file();
    folders.into_iter().filter(is_there).collect()
}

/// What a command came to.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A `seedpod serve` that runs.
pub(crate) struct Served {
    child: Child,
    folder: TempDir,
    pub(crate) kubeconfig: PathBuf,
}

impl Served {
    /// Starts one with an empty state folder and waits until it is ready.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// As [`start`](Self::start), with more arguments.
    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let mut child = Command::new(env!("CARGO_BIN_EXE_seedpod"))
            .args(["serve", "--listen", "127.0.0.1:0", "--state-dir"])
            .arg(&state)
            .args(arguments)
            .env(
                "SEEDPOD_CACHE",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"),
            )
            .current_dir(root())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let ready = out.lines().map_while(Result::ok);
        let kubeconfig = ready
            .filter_map(|line| {
                line.trim()
                    .strip_prefix("export KUBECONFIG=")
                    .map(PathBuf::from)
            })
            .next()
            .expect("it says where the kubeconfig is once it is ready");
        Self {
            child,
            folder,
            kubeconfig,
        }
    }

    /// A folder that goes with the server.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command that finds the server and this kubectl.
    pub(crate) fn command(&self, client: &Client, program: &str) -> Command {
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::split_paths(&path);
        let path = env::join_paths([client.folder.clone()].into_iter().chain(path)).unwrap();
        let mut command = Command::new(program);
        command
            .env("PATH", path)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("HOME", self.folder())
            .env("TMP", self.folder())
            .env("TZ", "UTC")
            .current_dir(root())
            .stdin(Stdio::null());
        command
    }

    /// Runs a line of `sh` to its end.
    pub(crate) fn shell(&self, client: &Client, line: &str) -> Ran {
        let output = self
            .command(client, "sh")
            .args(["-c", line])
            .output()
            .unwrap();
        Ran {
            code: output.status.code(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
