//! Conversations with an API server in virtual time: `conversations/*.txt` are what clients ask and when, the files `*.out`
//! beside them all that they are told, byte for byte. Each is held twice.
//!
//! ```text
//! > POST /api/v1/namespaces/default/pods      a request; its body follows, up to an empty line
//! ? /api/v1/namespaces/default/pods           a request for a table
//! watch name /api/v1/pods?watch=true          a watch of tables; what it tells is shown whenever there is something
//! wait 5s                                     lets time pass, in steps of a second
//! restart                                     the machine goes down and starts again; watches end
//! log                                         what containers wrote so far
//! ```

use expect_test::expect_file;
use http::{HeaderMap, Method};
use seedpod_api::server::{Answer, Request, User, Watch};
use seedpod_core::seed::Seed;
use seedpod_core::store::Store;
use seedpod_sim::{ServerSimulation, Settings};
use seedpod_tests::{engine, images, root};
use std::fmt::Write;
use std::fs;
use std::time::Duration;

#[test]
fn conversations() {
    let folder = root().join("tests/tests/conversations");
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let said = Conversation::hold(&text);
        assert_eq!(said, Conversation::hold(&text), "{}", file.display());
        expect_file![file.with_extension("out")].assert_eq(&said);
    }
}

struct Conversation {
    simulation: ServerSimulation,
    watches: Vec<(String, Box<Watch>)>,
    text: String,
}

impl Conversation {
    fn hold(text: &str) -> String {
        let settings = Settings {
            seed: Seed::new(1),
            engine: engine(),
            images: images(),
        };
        let mut conversation = Self {
            simulation: ServerSimulation::new(settings, Store::default()),
            watches: Vec::new(),
            text: String::new(),
        };
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let words: Vec<_> = line.split_whitespace().collect();
            match words.as_slice() {
                [] => {}
                [word, ..] if word.starts_with('#') => conversation.say(line),
                [">", method, path] => {
                    let body = lines.by_ref().take_while(|line| !line.is_empty());
                    let body: Vec<_> = body.collect();
                    conversation.ask(method, path, &body.join("\n"));
                }
                ["?", path] => conversation.look(path),
                ["watch", name, path] => conversation.watch(name, path),
                ["wait", seconds] => {
                    let seconds = seconds.trim_end_matches('s').parse().unwrap();
                    conversation.wait(seconds);
                }
                ["restart"] => {
                    conversation.say("restart");
                    conversation.simulation.restart();
                    conversation.watches.clear();
                }
                ["log"] => {
                    let log = conversation.simulation.log();
                    conversation.text.push_str(&log);
                }
                _ => panic!("{line}"),
            }
        }
        conversation.text
    }

    fn say(&mut self, line: &str) {
        writeln!(self.text, "{line}").unwrap();
    }

    fn ask(&mut self, method: &str, path: &str, body: &str) {
        self.say(&format!(
            "{} > {method} {path}",
            self.simulation.now().instant
        ));
        self.answer(&request(method, path, body, "application/json"));
    }

    fn look(&mut self, path: &str) {
        self.say(&format!("{} ? {path}", self.simulation.now().instant));
        self.answer(&request("GET", path, "", TABLE));
    }

    fn answer(&mut self, request: &Request) {
        match self.simulation.request(request) {
            Answer::Response(response) => {
                for warning in response.headers.get_all("warning") {
                    self.say(warning.to_str().unwrap());
                }
                let body = String::from_utf8_lossy(&response.body).into_owned();
                self.say(&format!("{} {body}", response.status.as_u16()));
            }
            other => panic!("{request:?}: {other:?}"),
        }
        self.read();
    }

    fn watch(&mut self, name: &str, path: &str) {
        match self.simulation.request(&request("GET", path, "", TABLE)) {
            Answer::Watch(watch) => self.watches.push((name.to_owned(), watch)),
            other => panic!("{path}: {other:?}"),
        }
        self.read();
    }

    fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.simulation.run(Duration::from_secs(1));
            self.read();
        }
    }

    fn read(&mut self) {
        let now = self.simulation.now().instant;
        for (name, watch) in &mut self.watches {
            loop {
                let read = self.simulation.read_watch(watch);
                for line in String::from_utf8_lossy(&read.bytes).lines() {
                    writeln!(self.text, "{now} {name}: {line}").unwrap();
                }
                if read.bytes.is_empty() || read.is_over {
                    break;
                }
            }
        }
    }
}

/// Without the objects, as nobody asks for them.
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

fn request(method: &str, path: &str, body: &str, accept: &str) -> Request {
    let mut headers = HeaderMap::new();
    let type_ = match method {
        "PATCH" => "application/merge-patch+json",
        _ => "application/json",
    };
    headers.insert("content-type", type_.parse().unwrap());
    headers.insert("accept", accept.parse().unwrap());
    headers.insert("user-agent", "conversation".parse().unwrap());
    Request {
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        uri: path.parse().unwrap(),
        headers,
        body: body.to_owned().into(),
        user: User {
            name: "system:admin".to_owned(),
            groups: vec!["system:masters".to_owned()],
        },
    }
}
