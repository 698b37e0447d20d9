//! Chromium without a window, driven through the DevTools protocol over a pair of pipes.

use serde_json::{Value, json};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const PROGRAMS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

pub(crate) struct Browser {
    _child: Child,
    requests: File,
    replies: BufReader<File>,
    last: u64,
    _profile: TempDir,
}

/// An open page.
pub(crate) struct Tab<'b> {
    browser: &'b mut Browser,
    target: String,
    session: String,
    events: Vec<Value>,
}

impl Browser {
    /// `None` where there is none.
    pub(crate) fn start() -> Option<Self> {
        let is_there = |program: &&str| {
            let version = Command::new(program)
                .arg("--version")
                .stderr(Stdio::null())
                .output();
            version.is_ok_and(|output| output.status.success())
        };
        let program = PROGRAMS.into_iter().find(is_there)?;
        let profile = tempfile::tempdir().unwrap();
        let pipes = ["in", "out"].map(|name| profile.path().join(name));
        assert!(
            Command::new("mkfifo")
                .args(&pipes)
                .status()
                .unwrap()
                .success()
        );
        // The protocol wants file descriptors 3 and 4. Whatever happens, it ends.
        let script = "exec timeout 300 \"$0\" --headless --no-sandbox --disable-gpu --hide-scrollbars --no-first-run \
            --disable-background-networking --remote-debugging-pipe --user-data-dir=\"$1\" --window-size=1280,900 \
            about:blank 3<\"$1/in\" 4>\"$1/out\"";
        let child = Command::new("sh")
            .args(["-c", script, program])
            .arg(profile.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let requests = OpenOptions::new().write(true).open(&pipes[0]).unwrap();
        let replies = BufReader::new(File::open(&pipes[1]).unwrap());
        Some(Self {
            _child: child,
            requests,
            replies,
            last: 0,
            _profile: profile,
        })
    }

    pub(crate) fn open(&mut self, url: &str) -> Tab<'_> {
        let mut none = Vec::new();
        let target = self.call(
            None,
            "Target.createTarget",
            &json!({"url": "about:blank"}),
            &mut none,
        );
        let target = target["targetId"].as_str().unwrap().to_owned();
        let attach = json!({"targetId": target, "flatten": true});
        let session = self.call(None, "Target.attachToTarget", &attach, &mut none);
        let session = session["sessionId"].as_str().unwrap().to_owned();
        let mut tab = Tab {
            browser: self,
            target,
            session,
            events: Vec::new(),
        };
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            tab.call(&format!("{domain}.enable"), &json!({}));
        }
        tab.call("Page.navigate", &json!({"url": url}));
        tab.wait_for("Page.loadEventFired");
        assert_eq!(
            tab.text("String(document.documentElement.dataset.ready)"),
            "true"
        );
        tab
    }

    fn call(
        &mut self,
        session: Option<&str>,
        method: &str,
        params: &Value,
        events: &mut Vec<Value>,
    ) -> Value {
        self.last += 1;
        let mut request = json!({"id": self.last, "method": method, "params": params});
        if let Some(session) = session {
            request["sessionId"] = session.into();
        }
        let mut bytes = request.to_string().into_bytes();
        bytes.push(0);
        self.requests.write_all(&bytes).unwrap();
        loop {
            let mut message = self.read();
            if message["id"] == self.last {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].take();
            }
            events.push(message);
        }
    }

    fn read(&mut self) -> Value {
        let mut message = Vec::new();
        self.replies.read_until(0, &mut message).unwrap();
        assert_eq!(message.pop(), Some(0), "the browser has ended");
        serde_json::from_slice(&message).unwrap()
    }
}

impl Tab<'_> {
    fn call(&mut self, method: &str, params: &Value) -> Value {
        let session = Some(self.session.as_str());
        self.browser.call(session, method, params, &mut self.events)
    }

    fn wait_for(&mut self, method: &str) {
        while !self.events.iter().any(|event| event["method"] == method) {
            let event = self.browser.read();
            self.events.push(event);
        }
    }

    /// The value of an expression, after what is due has been drawn.
    fn value(&mut self, expression: &str) -> Value {
        let drawn = "new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve))))";
        let expression = format!("{drawn}.then(() => ({expression}))");
        let params = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut reply = self.call("Runtime.evaluate", &params);
        let failure = &reply["exceptionDetails"];
        assert!(failure.is_null(), "{expression}: {failure}");
        reply["result"]["value"].take()
    }

    pub(crate) fn text(&mut self, expression: &str) -> String {
        match self.value(expression) {
            Value::String(text) => text,
            value => value.to_string(),
        }
    }

    pub(crate) fn number(&mut self, expression: &str) -> f64 {
        self.value(expression).as_f64().unwrap()
    }

    /// Presses a key and lets it go.
    pub(crate) fn press(&mut self, key: &str) {
        let code = match key {
            "Escape" => 27,
            "Enter" => 13,
            _ => 0,
        };
        let mut params = json!({"type": "keyDown", "key": key, "windowsVirtualKeyCode": code});
        if key.chars().count() == 1 {
            params["text"] = key.into();
        }
        self.call("Input.dispatchKeyEvent", &params);
        self.call(
            "Input.dispatchKeyEvent",
            &json!({"type": "keyUp", "key": key}),
        );
    }

    /// Clicks the middle of the first element.
    pub(crate) fn click(&mut self, selector: &str) {
        let middle = format!(
            "(() => {{ const box = document.querySelector({}).getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()",
            json!(selector)
        );
        let middle = self.value(&middle);
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let params = json!({"type": kind, "x": middle[0], "y": middle[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", &params);
        }
    }

    pub(crate) fn set_scheme(&mut self, scheme: &str) {
        let feature = json!({"name": "prefers-color-scheme", "value": scheme});
        self.call(
            "Emulation.setEmulatedMedia",
            &json!({"features": [feature]}),
        );
    }

    pub(crate) fn set_width(&mut self, width: u32) {
        let size =
            json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500});
        self.call("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Elements of these roles that somebody who cannot see the page would hear nothing of.
    pub(crate) fn nameless(&mut self, roles: &[&str]) -> Vec<String> {
        let tree = self.call("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"].as_array().unwrap();
        let role = |node: &Value| {
            node["role"]["value"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let known = nodes
            .iter()
            .filter(|node| roles.contains(&role(node).as_str()));
        let nameless: Vec<_> = known
            .clone()
            .filter(|node| {
                node["name"]["value"]
                    .as_str()
                    .unwrap_or_default()
                    .trim()
                    .is_empty()
            })
            .map(Value::to_string)
            .collect();
        assert!(known.count() > 10, "the tree has nothing in it");
        nameless
    }

    /// Exceptions and errors on the console.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        let is_complaint = |event: &&Value| {
            event["method"] == "Runtime.exceptionThrown"
                || (event["method"] == "Log.entryAdded"
                    && event["params"]["entry"]["level"] == "error")
        };
        self.events
            .iter()
            .filter(is_complaint)
            .map(Value::to_string)
            .collect()
    }

    /// Everything that was loaded.
    pub(crate) fn requests(&self) -> Vec<String> {
        let sent = self
            .events
            .iter()
            .filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.map(|event| {
            event["params"]["request"]["url"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
    }
}

impl Drop for Tab<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let params = json!({"targetId": self.target});
            self.browser
                .call(None, "Target.closeTarget", &params, &mut Vec::new());
        }
    }
}
