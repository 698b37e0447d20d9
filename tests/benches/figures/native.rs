//! Peers outside of this process: a native queue, and whole commands.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The queue benchmark compiled for this machine.
pub struct Queue {
    program: PathBuf,
}

impl Queue {
    pub fn compile() -> Result<Self, String> {
        let program = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("mq_bench");
        let source = crate::images().join("../c/mq_bench.c");
        let status = Command::new("cc")
            .arg("-O2")
            .arg("-o")
            .arg(&program)
            .arg(source)
            .arg("-lrt")
            .status();
        match status {
            Ok(status) if status.success() => Ok(Self { program }),
            Ok(status) => Err(format!("cc ended with {status}")),
            Err(error) => Err(format!("no C compiler: {error}")),
        }
    }

    pub fn run(&self, messages: u64) -> Duration {
        let start = |what: &str| {
            let mut command = Command::new(&self.program);
            command
                .arg(what)
                .arg(messages.to_string())
                .stdout(Stdio::piped())
                .spawn()
                .expect("a process")
        };
        let receiver = start("receive");
        let mut sender = start("send");
        let output = receiver.wait_with_output().expect("an end");
        sender.wait().expect("an end");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let nanos = text
            .trim()
            .rsplit_once("total_ns=")
            .and_then(|(_, count)| count.parse().ok());
        Duration::from_nanos(nanos.expect("the program prints its time"))
    }
}

/// The release binary of this workspace.
pub struct Commands {
    seedpod: PathBuf,
    folder: PathBuf,
    hello: PathBuf,
}

/// The peer: `wasmtime` and a precompiled program.
pub struct Wasmtime {
    program: PathBuf,
}

impl Commands {
    pub fn find() -> Result<Self, String> {
        let mut folder = std::env::current_exe().map_err(|error| error.to_string())?;
        // target/release/deps/figures-… is beside target/release/seedpod.
        folder.pop();
        folder.pop();
        let seedpod = folder.join("seedpod");
        if !seedpod.exists() {
            return Err(format!(
                "{} is not built: cargo build --release",
                seedpod.display()
            ));
        }
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let hello = crate::images()
            .join("tests/hello.wasm")
            .canonicalize()
            .map_err(|error| error.to_string())?;
        let image = hello.display();
        let manifest = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: hello}}\nspec:\n  restartPolicy: Never\n  containers:\n  \
             - {{name: a, image: {image}}}\n  - {{name: b, image: {image}}}\n"
        );
        std::fs::write(folder.join("hello.yaml"), manifest).map_err(|error| error.to_string())?;
        Ok(Self {
            seedpod,
            folder,
            hello,
        })
    }

    pub fn seedpod(&self, runs: u64) -> Duration {
        repeat(runs, || {
            let mut command = Command::new(&self.seedpod);
            command
                .arg("run")
                .arg(self.folder.join("hello.yaml"))
                .env("SEEDPOD_CACHE", self.folder.join("run-cache"));
            command
        })
    }

    pub fn wasmtime(&self) -> Result<Wasmtime, String> {
        let program = self.folder.join("hello.cwasm");
        let status = Command::new("wasmtime")
            .arg("compile")
            .arg(&self.hello)
            .arg("-o")
            .arg(&program)
            .status();
        match status {
            Ok(status) if status.success() => Ok(Wasmtime { program }),
            Ok(status) => Err(format!("wasmtime compile ended with {status}")),
            Err(error) => Err(format!("no wasmtime in PATH: {error}")),
        }
    }
}

impl Wasmtime {
    pub fn run(&self, runs: u64) -> Duration {
        repeat(runs, || {
            let mut command = Command::new("wasmtime");
            command
                .args(["run", "--allow-precompiled"])
                .arg(&self.program);
            command
        })
    }
}

fn repeat(runs: u64, command: impl Fn() -> Command) -> Duration {
    let start = Instant::now();
    for _ in 0..runs {
        let status = command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .expect("a process");
        assert!(status.success(), "ended with {status}");
    }
    start.elapsed()
}
