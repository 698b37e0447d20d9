//! What becomes of objects that clients write: creates, updates, patches, and whose fields are whose.
//!
//! A case of `writes/*.txt` begins with `## ` and what it is about, on a new server. A line `> METHOD path` is a request,
//! with its body below; what is answered follows on lines with `< `, which `UPDATE_EXPECT=1` writes. Paths without `/` in
//! front are of the namespace `default`; a word behind the path of a patch is its kind.

use crate::server::Conversation;
use expect_test::{expect, expect_file};
use seedpod_core::limits::OBJECT_BYTES_MAX;
use serde_json::{Value, json};
use std::fmt::Write;

#[expect(clippy::disallowed_methods, reason = "a test may read files")]
fn check(name: &str) {
    let path = format!("{}/tests/writes/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let written = std::fs::read_to_string(&path).unwrap();
    expect_file![path].assert_eq(&answered(&written));
}

/// A file of cases with what is answered now.
fn answered(written: &str) -> String {
    let mut text = String::new();
    let mut talk = Talk::new();
    let mut lines = written
        .lines()
        .filter(|line| !line.starts_with("< "))
        .peekable();
    while let Some(line) = lines.next() {
        writeln!(text, "{line}").unwrap();
        if line.starts_with("## ") {
            talk = Talk::new();
        }
        let Some(request) = line.strip_prefix("> ") else {
            continue;
        };
        let mut body = String::new();
        while let Some(line) =
            lines.next_if(|line| !line.is_empty() && !line.starts_with(['>', '#']))
        {
            writeln!(text, "{line}").unwrap();
            writeln!(body, "{line}").unwrap();
        }
        for line in talk.answer(&format!("{}\n\n{body}", head(request))).lines() {
            writeln!(text, "< {line}").unwrap();
        }
    }
    text
}

fn head(request: &str) -> String {
    let words: Vec<&str> = request.split(' ').collect();
    let path = match words[1].split_once('/').unwrap_or((words[1], "")) {
        ("", _) => words[1].to_owned(),
        (resource, rest) => {
            let (resource, query) = resource.split_once('?').unwrap_or((resource, ""));
            let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
            let prefix = match group {
                "" => "/api/v1".to_owned(),
                group => format!("/apis/{group}/v1"),
            };
            let rest = if rest.is_empty() {
                String::new()
            } else {
                format!("/{rest}")
            };
            let query = if query.is_empty() {
                String::new()
            } else {
                format!("?{query}")
            };
            format!("{prefix}/namespaces/default/{plural}{rest}{query}")
        }
    };
    let kind = match words.get(2) {
        Some(&"json") => "application/json-patch+json",
        Some(&"merge") => "application/merge-patch+json",
        Some(&"strategic") => "application/strategic-merge-patch+json",
        Some(&"apply") => "application/apply-patch+yaml",
        Some(kind) => kind,
        None => "application/json",
    };
    format!(
        "{} {path}\ncontent-type: {kind}\nuser-agent: test/1.0",
        words[0]
    )
}

/// A conversation of which what comes of chance and what the server has done before is not shown.
struct Talk {
    conversation: Conversation,
    /// The revision before it.
    before: u64,
    last: u64,
    uids: Vec<String>,
}

impl Talk {
    fn new() -> Self {
        let mut conversation = Conversation::new();
        let all = conversation.response("GET /api/v1/namespaces");
        let all: Value = serde_json::from_slice(&all.body).unwrap();
        let before = all["metadata"]["resourceVersion"].as_str().unwrap();
        let before = before.parse().unwrap();
        Self {
            before,
            last: before,
            conversation,
            uids: Vec::new(),
        }
    }

    fn answer(&mut self, request: &str) -> String {
        let response = self.conversation.response(request);
        let mut text = String::new();
        let warnings = response
            .headers
            .iter()
            .filter(|(name, _)| *name == "warning");
        for (_, warning) in warnings {
            writeln!(text, "{}", warning.to_str().unwrap()).unwrap();
        }
        let mut answer: Value = serde_json::from_slice(&response.body).unwrap();
        if let Some(meta) = answer["metadata"].as_object_mut() {
            let uid = meta.remove("uid");
            self.uids
                .extend(uid.iter().filter_map(Value::as_str).map(str::to_owned));
            meta.remove("creationTimestamp");
            if let Some(revision) = meta.get_mut("resourceVersion") {
                self.last = revision.as_str().unwrap().parse().unwrap();
                *revision = format!("+{}", self.last - self.before).into();
            }
            if let (Some(prefix), Some(name)) = (meta.get("generateName"), meta.get("name")) {
                let length = name.as_str().unwrap().len();
                let kept = &prefix.as_str().unwrap()[..(length - 5)];
                assert!(name.as_str().unwrap().starts_with(kept), "{name}");
                let name = format!("{kept}?????");
                meta.insert("name".to_owned(), name.into());
            }
        }
        text += &shown(response.status.as_u16(), answer);
        for uid in &self.uids {
            text = text.replace(uid, "UID");
        }
        text.replace(
            &format!(r#"resourceVersion\":\"{}\"#, self.last),
            "REVISION",
        )
    }
}

/// Of a failure all that is said, of an object all with `managedFields` in short.
fn shown(code: u16, mut answer: Value) -> String {
    let mut text = code.to_string();
    if answer["kind"] == "Status" && answer["status"] != "Success" {
        let word = |field: &str| answer[field].as_str().unwrap_or("-");
        write!(text, " {}: {}", word("reason"), word("message")).unwrap();
        let causes = answer["details"]["causes"]
            .as_array()
            .filter(|_| code != 422);
        for cause in causes.into_iter().flatten() {
            write!(text, "\n{cause}").unwrap();
        }
        return text;
    }
    // What controllers have done in the meantime belongs to their tests.
    let is_worked_on = matches!(answer["kind"].as_str(), Some("Deployment" | "Scale"));
    if is_worked_on {
        answer["status"].take();
        if let Some(meta) = answer["metadata"].as_object_mut() {
            meta.retain(|field, _| field != "resourceVersion" && field != "annotations");
        }
    }
    let meta = answer["metadata"].as_object_mut();
    let managed = meta
        .and_then(|meta| meta.remove("managedFields"))
        .unwrap_or_default();
    write!(text, " {answer}").unwrap();
    for entry in managed.as_array().into_iter().flatten() {
        let word = |field: &str| entry[field].as_str().unwrap_or_default();
        let (manager, operation) = (word("manager"), word("operation"));
        if is_worked_on && manager == "kube-controller-manager" {
            continue;
        }
        let subresource = match word("subresource") {
            "" => String::new(),
            subresource => format!("/{subresource}"),
        };
        write!(
            text,
            "\n{manager}{subresource} {operation} {}",
            entry["fieldsV1"]
        )
        .unwrap();
    }
    text
}

/// The status and what is said of the answer to a request.
fn refused(conversation: &mut Conversation, request: &str) -> String {
    let response = conversation.response(request);
    let answer: Value = serde_json::from_slice(&response.body).unwrap();
    let message = answer["message"].as_str().unwrap_or("good");
    format!(
        "{} {}",
        response.status.as_u16(),
        message.chars().take(100).collect::<String>()
    )
}

#[test]
fn there_is_an_end_to_the_size_of_objects() {
    let mut conversation = Conversation::new();
    let maps = "/api/v1/namespaces/default/configmaps";
    let config_map = |bytes: usize| {
        format!(
            "POST {maps}\n\n{}",
            json!({"metadata": {"name": "a"}, "data": {"a": "x".repeat(bytes)}})
        )
    };
    expect![[r#"422 ConfigMap "a" is invalid: Too long: may not be more than 1048576 bytes"#]]
        .assert_eq(&refused(&mut conversation, &config_map(OBJECT_BYTES_MAX)));
    expect!["201 good"].assert_eq(&refused(&mut conversation, &config_map(1000)));
    let patch = |operations: Value| {
        format!("PATCH {maps}/a\ncontent-type: application/json-patch+json\n\n{operations}")
    };
    let copies: Value = (0..20)
        .map(|index| json!({"op": "copy", "from": "/data", "path": format!("/data/b{index}")}))
        .collect();
    expect!["422 the server rejected our request due to an error in our request"]
        .assert_eq(&refused(&mut conversation, &patch(copies)));
    let tests = vec![json!({"op": "test", "path": "/kind", "value": "ConfigMap"}); 10_001];
    expect!["413 Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001"].assert_eq(&refused(&mut conversation, &patch(tests.into())));
    let mut deep = json!({});
    for _ in 0..110 {
        deep = json!({"a": deep});
    }
    let revision = json!({"metadata": {"name": "deep"}, "revision": 1, "data": deep});
    let request =
        format!("POST /apis/apps/v1/namespaces/default/controllerrevisions\n\n{revision}");
    expect!["400 the object is nested more than 100 levels deep"]
        .assert_eq(&refused(&mut conversation, &request));
}

#[test]
fn creates() {
    check("creates");
}

#[test]
fn updates() {
    check("updates");
}

#[test]
fn json_and_merge_patches() {
    check("json");
}

#[test]
fn strategic_merge_patches() {
    check("strategic");
}

#[test]
fn applies() {
    check("apply");
}

#[test]
fn scales() {
    check("scale");
}
