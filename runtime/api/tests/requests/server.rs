//! Requests and answers of an API server as text.

use http::{HeaderName, HeaderValue, Method};
use seedpod_api::server::{Answer, Now, Request, Response, Server, Settings, User};
use seedpod_core::seed::Seed;
use seedpod_core::store::Store;
use serde_json::Value;
use std::fmt::Write;

/// A server and who talks with it.
pub struct Conversation {
    pub server: Server,
}

impl Conversation {
    /// With a server that has nothing but what every cluster has.
    pub fn new() -> Self {
        let seed = Seed::new(1);
        let settings = Settings::simulated(seed);
        let server = Server::new(settings, Store::default(), seed, Now::default());
        Self { server }
    }

    /// The response to a request.
    pub fn response(&mut self, request: &str) -> Response {
        match self.server.handle(Now::default(), &request_of(request)) {
            Answer::Response(response) => response,
            other => panic!("{request}: {other:?}"),
        }
    }

    /// The same as text, what is new each time left out.
    pub fn answer(&mut self, request: &str) -> String {
        let response = self.response(request);
        let mut text = format!("{}\n", response.status.as_u16());
        for (name, value) in &response.headers {
            let is_told = name != "content-length" && value != "application/json";
            if is_told {
                writeln!(text, "{name}: {}", value.to_str().unwrap()).unwrap();
            }
        }
        let body = String::from_utf8_lossy(&response.body);
        match serde_json::from_str::<Value>(&body) {
            Ok(mut json) => {
                if let Some(Value::Object(meta)) = json.get_mut("metadata") {
                    meta.remove("uid");
                    meta.remove("managedFields");
                    meta.remove("resourceVersion");
                }
                text.push_str(&format!("{json:#}"));
            }
            Err(_) => text.push_str(&body),
        }
        text
    }
}

/// `METHOD /path`, then headers, then an empty line and the body.
pub fn request_of(text: &str) -> Request {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, path) = lines.next().unwrap().split_once(' ').unwrap();
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    let headers = headers.map(|(name, value)| {
        let name: HeaderName = name.parse().unwrap();
        (name, HeaderValue::from_str(value).unwrap())
    });
    Request {
        method: method.parse::<Method>().unwrap(),
        uri: path.parse().unwrap(),
        headers: headers.collect(),
        body: body.to_owned().into(),
        user: User {
            name: "admin".to_owned(),
            groups: vec!["system:masters".to_owned()],
        },
    }
}
