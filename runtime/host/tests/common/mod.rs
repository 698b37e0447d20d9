//! Runs the real binary.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::Once;
use std::time::Duration;

/// The image of the programs in `guests/tests`.
pub(crate) const TEST: &str = "seedpod/test";

fn seedpod(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seedpod"));
    command
        .args(arguments)
        // Compiled code of all tests, so that only the first one waits for it.
        .env(
            "SEEDPOD_CACHE",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"),
        )
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// What a run came to.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `seedpod` to its end with this standard input.
pub(crate) fn run(arguments: &[&str], input: &str) -> Run {
    let mut child = start(arguments, input);
    child.stdin.take();
    let output = child.wait_with_output().unwrap();
    Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn start(arguments: &[&str], input: &str) -> Child {
    // The largest program is compiled once, before anybody waits for it with a watch in the hand.
    static WARM: Once = Once::new();
    WARM.call_once(|| {
        let child = spawn(
            &["run", "-"],
            &pod("warm", "Never", &[("up", "busybox", &["true"])]),
        );
        assert!(child.wait_with_output().unwrap().status.success());
    });
    spawn(arguments, input)
}

fn spawn(arguments: &[&str], input: &str) -> Child {
    let mut child = seedpod(arguments).spawn().unwrap();
    // A run that does not read its input is no failure of the test.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child
}

/// A pod of the containers `(name, image, command)`.
pub(crate) fn pod(name: &str, policy: &str, containers: &[(&str, &str, &[&str])]) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  restartPolicy: {policy}\n  \
         terminationGracePeriodSeconds: 3\n  containers:\n"
    );
    for (name, image, command) in containers {
        text += &format!("  - {{name: {name}, image: {image}, command: {command:?}}}\n");
    }
    text
}

/// A run that goes on while a test looks at it.
pub(crate) struct Running {
    child: Child,
    out: Option<BufReader<ChildStdout>>,
    err: BufReader<ChildStderr>,
}

impl Running {
    pub(crate) fn start(arguments: &[&str], manifest: &str) -> Self {
        let mut child = start(arguments, manifest);
        let out = child.stdout.take().map(BufReader::new);
        let err = BufReader::new(child.stderr.take().unwrap());
        Self { child, out, err }
    }

    /// Reads standard output up to a line with this in it.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let out = self.out.as_mut().unwrap();
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(
                out.read_line(&mut line).unwrap(),
                0,
                "the run ended before {text:?}"
            );
        }
    }

    /// Reads standard error up to a line with this in it.
    pub(crate) fn wait_for_error(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(
                self.err.read_line(&mut line).unwrap(),
                0,
                "the run ended before {text:?}"
            );
        }
    }

    pub(crate) fn stop_reading(&mut self) {
        self.out = None;
    }

    /// Where the first published port is, as the notice on standard error says.
    pub(crate) fn published(&mut self) -> String {
        let mut line = String::new();
        self.err.read_line(&mut line).unwrap();
        let (address, _) = line.split_once(" -> ").unwrap_or_else(|| panic!("{line}"));
        address.trim_end_matches("/udp").to_owned()
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end: the exit code, and what was left to read on standard error.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut err = String::new();
        self.err.read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), err)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // What has ended cannot be killed, and need not.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Connects, sends, half-closes and reads to the end; tries again while nobody listens behind the port yet.
pub(crate) fn exchange(address: &str, request: &[u8]) -> Vec<u8> {
    let talk = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(request)?;
        stream.shutdown(Shutdown::Write)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    };
    for _ in 0..100_000 {
        match talk() {
            Ok(answer) if !answer.is_empty() => return answer,
            Ok(_) | Err(_) => std::thread::yield_now(),
        }
    }
    panic!("nobody answered on {address}: {:?}", talk());
}
