//! What the API server answers to those who read: lists in pages, selectors, tables, watches; and what is left after
//! deletions.

mod watching;

use crate::server::{Conversation, request_of};
use expect_test::{Expect, expect};
use seedpod_api::server::{Answer, Now, Watch};
use seedpod_core::time::WallTime;
use serde_json::Value;
use std::fmt::Write;
use std::time::Duration;

/// A conversation, line by line:
///
/// - `METHOD /path [body]` is answered by the code and what matters of the body;
/// - `watch NAME /path [header]` begins a watch;
/// - `read NAME` reads all that there is for it;
/// - `after SECONDS` lets time pass.
fn check(script: &str, expected: &Expect) {
    let mut text = String::new();
    let mut run = Run {
        conversation: Conversation::new(),
        now: Now::default(),
        watches: Vec::new(),
    };
    let created = run.request(
        "POST /api/v1/namespaces {\"metadata\":{\"name\":\"t\"}}",
        "",
    );
    assert!(created.starts_with("201"), "{created}");
    let mut accept = String::new();
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        if let Some(header) = line.strip_prefix("accept ") {
            accept = format!("accept: {header}");
            continue;
        }
        let answer = run.line(line, &accept);
        writeln!(text, "> {line}\n{answer}").unwrap();
    }
    expected.assert_eq(&text);
}

struct Run {
    conversation: Conversation,
    now: Now,
    watches: Vec<(String, Box<Watch>)>,
}

impl Run {
    fn line(&mut self, line: &str, accept: &str) -> String {
        match line.split_once(' ').unwrap() {
            ("after", seconds) => {
                let delay = Duration::from_secs(seconds.parse().unwrap());
                self.now.instant += delay;
                self.now.wall = WallTime::default().at(self.now.instant);
                self.conversation.server.turn(self.now);
                String::new()
            }
            ("watch", rest) => {
                let (name, path) = rest.split_once(' ').unwrap();
                let request = request_of(format!("GET {path}\n{accept}").trim_end());
                match self.conversation.server.handle(self.now, &request) {
                    Answer::Watch(watch) => {
                        self.watches.push((name.to_owned(), watch));
                        String::new()
                    }
                    Answer::Response(response) => told(&response.body),
                    Answer::Stream(stream) => panic!("{stream:?}"),
                }
            }
            ("read", name) => {
                let mut all = self.watches.iter_mut();
                let (_, watch) = all.find(|(one, _)| one == name).unwrap();
                read(&mut self.conversation.server, self.now, watch)
            }
            _ => self.request(line, accept),
        }
    }

    /// With the uid of the Lease for each `$a`.
    fn with_uids(&mut self, body: &str) -> String {
        let mut parts = body.split('$');
        let mut text = parts.next().unwrap().to_owned();
        for part in parts {
            let (name, rest) = part.split_at(1);
            let path = format!("GET /apis/coordination.k8s.io/v1/namespaces/t/leases/{name}");
            let Answer::Response(response) = self
                .conversation
                .server
                .handle(self.now, &request_of(&path))
            else {
                panic!("{path}");
            };
            let object: Value = serde_json::from_slice(&response.body).unwrap();
            text += object["metadata"]["uid"].as_str().unwrap();
            text += rest;
        }
        text
    }

    fn request(&mut self, line: &str, accept: &str) -> String {
        let (method, rest) = line.split_once(' ').unwrap();
        let (path, body) = rest.split_once(' ').unwrap_or((rest, ""));
        let body = self.with_uids(body);
        let patch = match method {
            "PATCH" => "\ncontent-type: application/merge-patch+json",
            _ => "",
        };
        let accept = match accept {
            "" => String::new(),
            accept => format!("\n{accept}"),
        };
        let request = request_of(&format!("{method} {path}{accept}{patch}\n\n{body}"));
        match self.conversation.server.handle(self.now, &request) {
            Answer::Response(response) => {
                format!("{} {}", response.status.as_u16(), told(&response.body))
            }
            other => panic!("{line}: {other:?}"),
        }
    }
}

fn read(server: &mut seedpod_api::server::Server, now: Now, watch: &mut Watch) -> String {
    let mut text = String::new();
    loop {
        let read = server.read_watch(now, watch);
        for line in read
            .bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            let event: Value = serde_json::from_slice(line).unwrap();
            let kind = event["type"].as_str().unwrap();
            writeln!(
                text,
                "{kind} {}",
                told(event["object"].to_string().as_bytes())
            )
            .unwrap();
        }
        if read.is_over {
            return text + "over";
        }
        if read.bytes.is_empty() {
            return text.trim_end().to_owned();
        }
    }
}

/// What matters of an object, list, table or status.
fn told(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return masked(&String::from_utf8_lossy(body));
    };
    let kind = value["kind"].as_str().unwrap_or_default();
    let meta = &value["metadata"];
    let revision = meta["resourceVersion"].as_str().unwrap_or_default();
    match kind {
        "Status" if value["status"] == "Failure" => {
            let reason = value["reason"].as_str().unwrap_or_default();
            format!("{reason}: {}", masked(&value["message"].to_string()))
        }
        "Status" => format!("Success {}", value["details"]["kind"]),
        "Table" => {
            let columns = value["columnDefinitions"].as_array().into_iter().flatten();
            let columns: Vec<_> = columns.map(|one| one["name"].as_str().unwrap()).collect();
            let rows = value["rows"].as_array().unwrap().iter();
            let rows: Vec<_> = rows
                .map(|row| format!("{} {}", row["cells"], row["object"]["kind"]))
                .collect();
            format!("{columns:?} {}", rows.join(" | "))
        }
        _ if kind.ends_with("List") => {
            let items = value["items"].as_array().unwrap().iter();
            let items = items.map(|item| {
                assert!(item["kind"].is_null() || item["kind"] == "PartialObjectMetadata");
                item["metadata"]["name"].as_str().unwrap()
            });
            let items: Vec<_> = items.collect();
            let more = match (meta["continue"].is_null(), &meta["remainingItemCount"]) {
                (true, _) => String::new(),
                (false, count) => format!(" and more: {count}"),
            };
            format!("{kind} [{}]{more}", items.join(" "))
        }
        _ => {
            let mut text = format!("{kind} {}", meta["name"].as_str().unwrap_or_default());
            for field in [
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
                "finalizers",
                "annotations",
                "labels",
            ] {
                if !meta[field].is_null() {
                    write!(text, " {field}={}", meta[field]).unwrap();
                }
            }
            assert!(
                !revision.is_empty() || kind == "PartialObjectMetadata",
                "{value}"
            );
            text
        }
    }
}

#[test]
fn label_selectors_choose() {
    check(
        r#"
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a","labels":{"app":"x","tier":"1"}}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","labels":{"app":"y"}}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c","labels":{"tier":"3"}}}
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app=x
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app==x
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app!=x
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=!app
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app%20in%20(x,y)
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app%20notin%20(x,)
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=tier%3E2
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=tier%3C2
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app=x,tier=1
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app=
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=x%20in%20()
        "#,
        &expect![[r#"
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a","labels":{"app":"x","tier":"1"}}}
            201 Lease a labels={"app":"x","tier":"1"}
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","labels":{"app":"y"}}}
            201 Lease b labels={"app":"y"}
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c","labels":{"tier":"3"}}}
            201 Lease c labels={"tier":"3"}
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app=x
            200 LeaseList [a]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app==x
            200 LeaseList [a]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app!=x
            200 LeaseList [b c]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app
            200 LeaseList [a b]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=!app
            200 LeaseList [c]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app%20in%20(x,y)
            200 LeaseList [a b]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app%20notin%20(x,)
            200 LeaseList [b c]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=tier%3E2
            200 LeaseList [c]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=tier%3C2
            200 LeaseList [a]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app=x,tier=1
            200 LeaseList [a]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app=
            200 LeaseList []
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=x%20in%20()
            200 LeaseList []
        "#]],
    );
}

#[test]
fn what_is_no_label_selector_is_told_so() {
    check(
        r#"
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a%20b
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a=b=c
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector==a
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a%20in%20x
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a%20in%20(x
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a,,b
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=-a=b
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a=-b
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a%3Eb
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a%20in%20(x%20y)
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a)
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=!
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a=in
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=%26%3D%3D!
        "#,
        &expect![[r#"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a%20b
            400 BadRequest: "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a=b=c
            400 BadRequest: "found '=', expected: ',' or 'end of string'"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector==a
            400 BadRequest: "found '=', expected: !, identifier, or 'end of string'"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a%20in%20x
            400 BadRequest: "unable to parse requirement: found 'x' expected: '('"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a%20in%20(x
            400 BadRequest: "unable to parse requirement: found '', expected: ',' or ')'"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a,,b
            400 BadRequest: "found ',', expected: identifier after ','"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=-a=b
            400 BadRequest: "unable to parse requirement: <nil>: Invalid value: \"-a\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a=-b
            400 BadRequest: "unable to parse requirement: values[0][a]: Invalid value: \"-b\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a%3Eb
            400 BadRequest: "unable to parse requirement: values[0]: Invalid value: \"b\": for 'Gt', 'Lt' operators, the value must be an integer"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a%20in%20(x%20y)
            400 BadRequest: "unable to parse requirement: found 'y', expected: ',' or ')'"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a)
            400 BadRequest: "unable to parse requirement: found ')', expected: in, notin, =, ==, !=, gt, lt"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=!
            400 BadRequest: "unable to parse requirement: found '', expected: identifier"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=a=in
            200 LeaseList []
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=%26%3D%3D!
            400 BadRequest: "unable to parse requirement: <nil>: Invalid value: \"&\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
        "#]],
    );
}

#[test]
fn field_selectors_choose() {
    check(
        r#"
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a","labels":{"app":"x","tier":"1"}}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","labels":{"app":"y"}}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c","labels":{"tier":"3"}}}
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name=a
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name!=a
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.namespace=t
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name=a,metadata.name=b
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=data.x=1
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name=a%5C
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name=a=b
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name=a%5C,b
        GET /apis/coordination.k8s.io/v1/leases?fieldSelector=metadata.namespace!=t,metadata.name=a
        GET /api/v1/pods?fieldSelector=status.phase=Running,spec.host=a
        GET /api/v1/pods?fieldSelector=spec.x=a
        GET /apis/batch/v1/jobs?fieldSelector=status.x=1
        "#,
        &expect![[r#"
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a","labels":{"app":"x","tier":"1"}}}
            201 Lease a labels={"app":"x","tier":"1"}
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","labels":{"app":"y"}}}
            201 Lease b labels={"app":"y"}
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c","labels":{"tier":"3"}}}
            201 Lease c labels={"tier":"3"}
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name=a
            200 LeaseList [a]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name!=a
            200 LeaseList [b c]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.namespace=t
            200 LeaseList [a b c]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name=a,metadata.name=b
            200 LeaseList []
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=data.x=1
            400 BadRequest: "\"data.x\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name
            400 BadRequest: "invalid selector: 'metadata.name'; can't understand 'metadata.name'"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name=a%5C
            400 BadRequest: "invalid field selector: invalid escape sequence: \\"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name=a=b
            400 BadRequest: "invalid field selector: unescaped character in value: 61"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name=a%5C,b
            200 LeaseList []
            > GET /apis/coordination.k8s.io/v1/leases?fieldSelector=metadata.namespace!=t,metadata.name=a
            200 LeaseList []
            > GET /api/v1/pods?fieldSelector=status.phase=Running,spec.host=a
            200 PodList []
            > GET /api/v1/pods?fieldSelector=spec.x=a
            400 BadRequest: "field label not supported: spec.x"
            > GET /apis/batch/v1/jobs?fieldSelector=status.x=1
            400 BadRequest: "field label \"status.x\" not supported for Job"
        "#]],
    );
}

#[test]
fn lists_come_in_pages() {
    check(
        r#"
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a","labels":{"app":"x","tier":"1"}}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","labels":{"app":"y"}}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c","labels":{"tier":"3"}}}
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?limit=2&fieldSelector=metadata.name!=c
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?limit=2
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?limit=2&labelSelector=tier
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?limit=1&labelSelector=app=x
        GET /apis/coordination.k8s.io/v1/leases?limit=1&fieldSelector=metadata.namespace=t
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?continue=x
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?continue=e30
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?limit=x
        "#,
        &expect![[r#"
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a","labels":{"app":"x","tier":"1"}}}
            201 Lease a labels={"app":"x","tier":"1"}
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","labels":{"app":"y"}}}
            201 Lease b labels={"app":"y"}
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c","labels":{"tier":"3"}}}
            201 Lease c labels={"tier":"3"}
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?limit=2&fieldSelector=metadata.name!=c
            200 LeaseList [a b] and more: null
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?limit=2
            200 LeaseList [a b] and more: 1
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?limit=2&labelSelector=tier
            200 LeaseList [a c]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?limit=1&labelSelector=app=x
            200 LeaseList [a] and more: null
            > GET /apis/coordination.k8s.io/v1/leases?limit=1&fieldSelector=metadata.namespace=t
            200 LeaseList [a] and more: null
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?continue=x
            400 BadRequest: "invalid continue token: continue key is not valid: Invalid input length: 1"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?continue=e30
            400 BadRequest: "invalid continue token: continue key is not valid: server does not recognize this encoded version "
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?limit=x
            400 BadRequest: "strconv.ParseInt: parsing \"x\": invalid syntax"
        "#]],
    );
}

#[test]
fn a_list_is_of_a_moment() {
    check(
        r#"
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a","labels":{"app":"x","tier":"1"}}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","labels":{"app":"y"}}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c","labels":{"tier":"3"}}}
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=0
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=1
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=999999
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=x
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=-1
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=0&resourceVersionMatch=Exact
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=1&resourceVersionMatch=Exact
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=1&resourceVersionMatch=NotOlderThan
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=1&resourceVersionMatch=Other
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersionMatch=Exact
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?sendInitialEvents=true
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases/a?resourceVersion=999999
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases/nothing
        "#,
        &expect![[r#"
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a","labels":{"app":"x","tier":"1"}}}
            201 Lease a labels={"app":"x","tier":"1"}
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","labels":{"app":"y"}}}
            201 Lease b labels={"app":"y"}
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c","labels":{"tier":"3"}}}
            201 Lease c labels={"tier":"3"}
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=0
            200 LeaseList [a b c]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=1
            200 LeaseList [a b c]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=999999
            504 Timeout: "Timeout: Too large resource version: 999999, current: N"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=x
            400 BadRequest: "invalid resource version: resourceVersion: N
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=-1
            400 BadRequest: "invalid resource version: resourceVersion: N
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=0&resourceVersionMatch=Exact
            422 Invalid: "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=1&resourceVersionMatch=Exact
            200 LeaseList []
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=1&resourceVersionMatch=NotOlderThan
            200 LeaseList [a b c]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersion=1&resourceVersionMatch=Other
            422 Invalid: "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Unsupported value: \"Other\": supported values: \"Exact\", \"NotOlderThan\", \"\""
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersionMatch=Exact
            422 Invalid: "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?sendInitialEvents=true
            422 Invalid: "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases/a?resourceVersion=999999
            504 Timeout: "Timeout: Too large resource version: 999999, current: N"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases/nothing
            404 NotFound: "leases.coordination.k8s.io \"nothing\" not found"
        "#]],
    );
}

#[test]
fn watches_tell_what_is_selected() {
    check(
        r#"
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a","labels":{"app":"x"}}}
        watch all /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1
        watch x /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=true&labelSelector=app=x
        watch one /apis/coordination.k8s.io/v1/watch/namespaces/t/leases/b
        read all
        read x
        read one
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","labels":{"app":"y"}}}
        PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/b {"metadata":{"labels":{"app":"x"}}}
        PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"metadata":{"labels":{"app":"y"}}}
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/b
        read all
        read x
        read one
        read one
        "#,
        &expect![[r#"
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a","labels":{"app":"x"}}}
            201 Lease a labels={"app":"x"}
            > watch all /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1

            > watch x /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=true&labelSelector=app=x

            > watch one /apis/coordination.k8s.io/v1/watch/namespaces/t/leases/b

            > read all
            ADDED Lease a labels={"app":"x"}
            > read x
            ADDED Lease a labels={"app":"x"}
            > read one

            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","labels":{"app":"y"}}}
            201 Lease b labels={"app":"y"}
            > PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/b {"metadata":{"labels":{"app":"x"}}}
            200 Lease b labels={"app":"x"}
            > PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"metadata":{"labels":{"app":"y"}}}
            200 Lease a labels={"app":"y"}
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a
            200 Success "leases"
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/b
            200 Success "leases"
            > read all
            ADDED Lease b labels={"app":"y"}
            MODIFIED Lease b labels={"app":"x"}
            MODIFIED Lease a labels={"app":"y"}
            DELETED Lease a labels={"app":"y"}
            DELETED Lease b labels={"app":"x"}
            > read x
            ADDED Lease b labels={"app":"x"}
            DELETED Lease a labels={"app":"x"}
            DELETED Lease b labels={"app":"x"}
            > read one
            ADDED Lease b labels={"app":"y"}
            MODIFIED Lease b labels={"app":"x"}
            DELETED Lease b labels={"app":"x"}
            > read one

        "#]],
    );
}

#[test]
fn watches_have_bookmarks_and_an_end() {
    check(
        r#"
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a"}}
        watch list /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=90&fieldSelector=metadata.name=a
        watch old /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&allowWatchBookmarks=true&timeoutSeconds=90&fieldSelector=metadata.name=a
        watch plain /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&timeoutSeconds=90&fieldSelector=metadata.name=a
        read list
        read old
        read plain
        after 60
        read list
        read plain
        after 28
        read list
        read list
        after 2
        read list
        read plain
        "#,
        &expect![[r#"
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a"}}
            201 Lease a
            > watch list /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&timeoutSeconds=90&fieldSelector=metadata.name=a

            > watch old /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&allowWatchBookmarks=true&timeoutSeconds=90&fieldSelector=metadata.name=a

            > watch plain /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan&timeoutSeconds=90&fieldSelector=metadata.name=a

            > read list
            ADDED Lease a
            BOOKMARK Lease  annotations={"k8s.io/initial-events-end":"true"}
            > read old
            ADDED Lease a
            BOOKMARK Lease  annotations={"k8s.io/initial-events-end":"true"}
            > read plain

            > after 60

            > read list
            BOOKMARK Lease
            > read plain

            > after 28

            > read list
            BOOKMARK Lease
            > read list

            > after 2

            > read list
            over
            > read plain
            over
        "#]],
    );
}

#[test]
fn options_of_watches_must_fit() {
    check(
        r#"
        watch a /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&sendInitialEvents=true
        watch a /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&resourceVersionMatch=NotOlderThan
        watch a /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&resourceVersionMatch=Exact
        watch a /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&sendInitialEvents=true&resourceVersionMatch=Exact
        watch a /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&resourceVersion=x
        watch b /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&resourceVersion=99999&sendInitialEvents=true&resourceVersionMatch=NotOlderThan
        read b
        watch c /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&resourceVersion=99999
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a"}}
        read c
        watch d /apis/coordination.k8s.io/v1/watch/namespaces/t/leases/a?fieldSelector=metadata.name=b
        "#,
        &expect![[r#"
            > watch a /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&sendInitialEvents=true
            Invalid: "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            > watch a /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&resourceVersionMatch=NotOlderThan
            Invalid: "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            > watch a /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&resourceVersionMatch=Exact
            Invalid: "ListOptions.meta.k8s.io \"\" is invalid: [resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided, resourceVersionMatch: Unsupported value: \"Exact\": supported values: \"NotOlderThan\"]"
            > watch a /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&sendInitialEvents=true&resourceVersionMatch=Exact
            Invalid: "ListOptions.meta.k8s.io \"\" is invalid: [resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: \"Exact\": supported values: \"NotOlderThan\"]"
            > watch a /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&resourceVersion=x
            Invalid: "leases.coordination.k8s.io \"\" is invalid: resourceVersion: N
            > watch b /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&resourceVersion=99999&sendInitialEvents=true&resourceVersionMatch=NotOlderThan

            > read b
            ERROR Timeout: "Timeout: Too large resource version: 99999, current: N"
            over
            > watch c /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&resourceVersion=99999

            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a"}}
            201 Lease a
            > read c

            > watch d /apis/coordination.k8s.io/v1/watch/namespaces/t/leases/a?fieldSelector=metadata.name=b
            BadRequest: "fieldSelector metadata.name doesn't match requested name"
        "#]],
    );
}

#[test]
fn tables_and_metadata() {
    check(
        r#"
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a"}}
        accept application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases/a
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases/a?includeObject=None
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?includeObject=Object&fieldSelector=metadata.name=a
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?includeObject=x
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases/nothing
        watch table /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&fieldSelector=metadata.name=a
        read table
        PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"spec":{"holderIdentity":"v"}}
        read table
        accept application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name=a
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases/a
        accept application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases/a
        accept application/xml
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases/a
        accept application/yaml
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name=b
        "#,
        &expect![[r#"
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a"}}
            201 Lease a
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases/a
            200 ["Name", "Holder", "Age"] ["a","","0s"] "PartialObjectMetadata"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases/a?includeObject=None
            200 ["Name", "Holder", "Age"] ["a","","0s"] null
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?includeObject=Object&fieldSelector=metadata.name=a
            200 ["Name", "Holder", "Age"] ["a","","0s"] "Lease"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?includeObject=x
            400 BadRequest: "Unable to convert to Table as requested: includeObject: Invalid value: \"x\": must be 'Metadata', 'Object', 'None', or empty"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases/nothing
            404 NotFound: "leases.coordination.k8s.io \"nothing\" not found"
            > watch table /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&fieldSelector=metadata.name=a

            > read table
            ADDED ["Name", "Holder", "Age"] ["a","","0s"] "PartialObjectMetadata"
            > PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"spec":{"holderIdentity":"v"}}
            200 ["Name", "Holder", "Age"] ["a","v","0s"] "PartialObjectMetadata"
            > read table
            MODIFIED [] ["a","v","0s"] "PartialObjectMetadata"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name=a
            200 PartialObjectMetadataList [a]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases/a
            406 NotAcceptable: "only the following media types are accepted: application/json, application/yaml"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases/a
            200 PartialObjectMetadata a
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases/a
            406 NotAcceptable: "only the following media types are accepted: application/json, application/yaml"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name=b
            200 apiVersion: coordination.k8s.io/v1
            items: []
            kind: LeaseList
            metadata:
              resourceVersion: N

        "#]],
    );
}

#[test]
fn finalizers_keep_what_is_deleted() {
    check(
        r#"
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a","finalizers":["example.com/f"]}}
        watch all /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&fieldSelector=metadata.name=a
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases/a
        PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"metadata":{"finalizers":null}}
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases/a
        read all
        "#,
        &expect![[r#"
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a","finalizers":["example.com/f"]}}
            201 Lease a finalizers=["example.com/f"]
            > watch all /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&fieldSelector=metadata.name=a

            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a
            200 Lease a deletionTimestamp="1970-01-01T00:00:00Z" deletionGracePeriodSeconds=0 finalizers=["example.com/f"]
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a
            200 Lease a deletionTimestamp="1970-01-01T00:00:00Z" deletionGracePeriodSeconds=0 finalizers=["example.com/f"]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases/a
            200 Lease a deletionTimestamp="1970-01-01T00:00:00Z" deletionGracePeriodSeconds=0 finalizers=["example.com/f"]
            > PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"metadata":{"finalizers":null}}
            200 Lease a deletionTimestamp="1970-01-01T00:00:00Z" deletionGracePeriodSeconds=0
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases/a
            404 NotFound: "leases.coordination.k8s.io \"a\" not found"
            > read all
            ADDED Lease a finalizers=["example.com/f"]
            MODIFIED Lease a deletionTimestamp="1970-01-01T00:00:00Z" deletionGracePeriodSeconds=0 finalizers=["example.com/f"]
            DELETED Lease a deletionTimestamp="1970-01-01T00:00:00Z" deletionGracePeriodSeconds=0
        "#]],
    );
}

#[test]
fn preconditions_and_options_of_deletion() {
    check(
        r#"
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a"}}
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"preconditions":{"uid":"x"}}
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"preconditions":{"resourceVersion":"1"}}
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"propagationPolicy":"Never"}
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"propagationPolicy":"Orphan","orphanDependents":true}
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"dryRun":["Some"]}
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"kind":"Pod"}
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"gracePeriodSeconds":"x"}
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a [
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a?gracePeriodSeconds=x
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"dryRun":["All"]}
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a?dryRun=All
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0}
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a
        "#,
        &expect![[r#"
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a"}}
            201 Lease a
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"preconditions":{"uid":"x"}}
            409 Conflict: "Operation cannot be fulfilled on Lease.coordination.k8s.io \"a\": the UID in the precondition (x) does not match the UID in record (N). The object might have been deleted and then recreated"
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"preconditions":{"resourceVersion":"1"}}
            409 Conflict: "Operation cannot be fulfilled on Lease.coordination.k8s.io \"a\": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (N). The object might have been modified"
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"propagationPolicy":"Never"}
            422 Invalid: "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Unsupported value: \"Never\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\""
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"propagationPolicy":"Orphan","orphanDependents":true}
            422 Invalid: "DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: Invalid value: \"Orphan\": orphanDependents and deletionPropagation cannot be both set"
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"dryRun":["Some"]}
            422 Invalid: "DeleteOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"Some\"]: supported values: \"All\""
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"kind":"Pod"}
            400 BadRequest: "decoded object cannot be converted to DeleteOptions"
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"gracePeriodSeconds":"x"}
            400 BadRequest: "json: cannot unmarshal \"x\" into Go struct field DeleteOptions.gracePeriodSeconds of type int64"
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a [
            400 BadRequest: "couldn't get version/kind; json parse error: EOF while parsing a list at line 1 column 1"
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a?gracePeriodSeconds=x
            400 BadRequest: "strconv.ParseInt: parsing \"x\": invalid syntax"
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"dryRun":["All"]}
            200 Success "leases"
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a?dryRun=All
            200 Success "leases"
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0}
            200 Success "leases"
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a
            404 NotFound: "leases.coordination.k8s.io \"a\" not found"
        "#]],
    );
}

#[test]
fn collections_are_deleted() {
    check(
        r#"
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a","labels":{"app":"x","tier":"1"}}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","labels":{"app":"y"}}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c","labels":{"tier":"3"}}}
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersionMatch=Exact
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name=c
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases
        "#,
        &expect![[r#"
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a","labels":{"app":"x","tier":"1"}}}
            201 Lease a labels={"app":"x","tier":"1"}
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","labels":{"app":"y"}}}
            201 Lease b labels={"app":"y"}
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c","labels":{"tier":"3"}}}
            201 Lease c labels={"tier":"3"}
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases?labelSelector=app
            200 LeaseList [a b]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases
            200 LeaseList [c]
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases?resourceVersionMatch=Exact
            422 Invalid: "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases?fieldSelector=metadata.name=c
            200 LeaseList [c]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases
            200 LeaseList []
        "#]],
    );
}

/// What is new each time left out.
fn masked(text: &str) -> String {
    let all = [
        ("current: ", " ,\"\n"),
        ("in record (", ")"),
        ("resourceVersion: ", "\n"),
    ];
    let mut text = text.to_owned();
    for (before, after) in all {
        if let Some((head, rest)) = text.split_once(before) {
            let rest = rest.trim_start_matches(|c| !after.contains(c));
            text = format!("{head}{before}N{rest}");
        }
    }
    text
}

fn check_whole(requests: &[&str], expected: &Expect) {
    let mut conversation = Conversation::new();
    let answers = requests.iter().map(|request| conversation.answer(request));
    expected.assert_eq(&masked(&answers.last().unwrap()));
}

#[test]
fn a_whole_table() {
    check_whole(
        &[
            "POST /apis/coordination.k8s.io/v1/namespaces/default/leases\n\n{\"metadata\":{\"name\":\"a\"},\"spec\":{\"holderIdentity\":\"v\"}}",
            "GET /apis/coordination.k8s.io/v1/namespaces/default/leases?fieldSelector=metadata.name=a&includeObject=None\naccept: application/json;as=Table;v=v1beta1;g=meta.k8s.io",
        ],
        &expect![[r#"
            200
            {
              "apiVersion": "meta.k8s.io/v1beta1",
              "columnDefinitions": [
                {
                  "description": "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names",
                  "format": "name",
                  "name": "Name",
                  "priority": 0,
                  "type": "string"
                },
                {
                  "description": "holderIdentity contains the identity of the holder of a current lease. If Coordinated Leader Election is used, the holder identity must be equal to the elected LeaseCandidate.metadata.name field.",
                  "format": "",
                  "name": "Holder",
                  "priority": 0,
                  "type": "string"
                },
                {
                  "description": "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
                  "format": "",
                  "name": "Age",
                  "priority": 0,
                  "type": "string"
                }
              ],
              "kind": "Table",
              "metadata": {},
              "rows": [
                {
                  "cells": [
                    "a",
                    "v",
                    "0s"
                  ],
                  "object": null
                }
              ]
            }"#]],
    );
}

#[test]
fn a_whole_error() {
    check_whole(
        &[
            "GET /apis/coordination.k8s.io/v1/leases?resourceVersion=99999&resourceVersionMatch=Exact",
        ],
        &expect![[r#"
            504
            {
              "apiVersion": "v1",
              "code": 504,
              "details": {
                "causes": [
                  {
                    "message": "Too large resource version",
                    "reason": "ResourceVersionTooLarge"
                  }
                ],
                "retryAfterSeconds": 1
              },
              "kind": "Status",
              "message": "Timeout: Too large resource version: 99999, current: N",
              "metadata": {},
              "reason": "Timeout",
              "status": "Failure"
            }"#]],
    );
}

#[test]
fn what_has_lost_its_owners_goes() {
    check(
        r#"
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a"}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b"}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"a","uid":"$a"}]}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"d","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"a","uid":"$a"},{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"b","uid":"$b"}]}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"e","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"c","uid":"$c"}]}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"f","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"x","uid":"gone"}]}}
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases
        PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/d {"metadata":{"ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"b","uid":"other"}]}}
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"g","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"b","uid":"$b"}]}}
        PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/g {"metadata":{"ownerReferences":[{"apiVersion":"example.com/v1","kind":"Thing","name":"b","uid":"other"}]}}
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/b
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases
        "#,
        &expect![[r#"
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a"}}
            201 Lease a
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b"}}
            201 Lease b
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"a","uid":"$a"}]}}
            201 Lease c
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"d","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"a","uid":"$a"},{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"b","uid":"$b"}]}}
            201 Lease d
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"e","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"c","uid":"$c"}]}}
            201 Lease e
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"f","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"x","uid":"gone"}]}}
            201 Lease f
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases
            200 LeaseList [a b c d e]
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a
            200 Success "leases"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases
            200 LeaseList [b d]
            > PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/d {"metadata":{"ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"b","uid":"other"}]}}
            200 Lease d
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases
            200 LeaseList [b]
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"g","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"b","uid":"$b"}]}}
            201 Lease g
            > PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/g {"metadata":{"ownerReferences":[{"apiVersion":"example.com/v1","kind":"Thing","name":"b","uid":"other"}]}}
            200 Lease g
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/b
            200 Success "leases"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases
            200 LeaseList [g]
        "#]],
    );
}

#[test]
fn an_owner_waits_for_those_that_block_it() {
    check(
        r#"
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a"}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"a","uid":"$a","blockOwnerDeletion":true}],"finalizers":["example.com/f"]}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"a","uid":"$a","blockOwnerDeletion":true}]}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"d","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"a","uid":"$a"}],"finalizers":["example.com/f"]}}
        watch all /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&fieldSelector=metadata.name=a
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"propagationPolicy":"Foreground"}
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases
        PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/b {"metadata":{"finalizers":null}}
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases
        read all
        "#,
        &expect![[r#"
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a"}}
            201 Lease a
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"a","uid":"$a","blockOwnerDeletion":true}],"finalizers":["example.com/f"]}}
            201 Lease b finalizers=["example.com/f"]
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"a","uid":"$a","blockOwnerDeletion":true}]}}
            201 Lease c
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"d","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"a","uid":"$a"}],"finalizers":["example.com/f"]}}
            201 Lease d finalizers=["example.com/f"]
            > watch all /apis/coordination.k8s.io/v1/namespaces/t/leases?watch=1&fieldSelector=metadata.name=a

            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"propagationPolicy":"Foreground"}
            200 Lease a deletionTimestamp="1970-01-01T00:00:00Z" deletionGracePeriodSeconds=0 finalizers=["foregroundDeletion"]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases
            200 LeaseList [a b d]
            > PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/b {"metadata":{"finalizers":null}}
            200 Lease b deletionTimestamp="1970-01-01T00:00:00Z" deletionGracePeriodSeconds=0
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases
            200 LeaseList [d]
            > read all
            ADDED Lease a
            MODIFIED Lease a deletionTimestamp="1970-01-01T00:00:00Z" deletionGracePeriodSeconds=0 finalizers=["foregroundDeletion"]
            DELETED Lease a deletionTimestamp="1970-01-01T00:00:00Z" deletionGracePeriodSeconds=0
        "#]],
    );
}

#[test]
fn dependents_stay_when_they_are_orphaned() {
    check(
        r#"
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a"}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"a","uid":"$a","blockOwnerDeletion":true}]}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"a","uid":"$a"},{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"b","uid":"$b"}]}}
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"propagationPolicy":"Orphan"}
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/b?orphanDependents=true
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases
        "#,
        &expect![[r#"
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a"}}
            201 Lease a
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"a","uid":"$a","blockOwnerDeletion":true}]}}
            201 Lease b
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"a","uid":"$a"},{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"b","uid":"$b"}]}}
            201 Lease c
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"propagationPolicy":"Orphan"}
            200 Lease a deletionTimestamp="1970-01-01T00:00:00Z" deletionGracePeriodSeconds=0 finalizers=["orphan"]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases
            200 LeaseList [b c]
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/b?orphanDependents=true
            200 Lease b deletionTimestamp="1970-01-01T00:00:00Z" deletionGracePeriodSeconds=0 finalizers=["orphan"]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases
            200 LeaseList [c]
        "#]],
    );
}

#[test]
fn owners_may_wait_for_each_other() {
    check(
        r#"
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a"}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"a","uid":"$a","blockOwnerDeletion":true}]}}
        PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"metadata":{"ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"b","uid":"$b","blockOwnerDeletion":true}]}}
        DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"propagationPolicy":"Foreground"}
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases
        "#,
        &expect![[r#"
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a"}}
            201 Lease a
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b","ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"a","uid":"$a","blockOwnerDeletion":true}]}}
            201 Lease b
            > PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"metadata":{"ownerReferences":[{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","name":"b","uid":"$b","blockOwnerDeletion":true}]}}
            200 Lease a
            > DELETE /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"propagationPolicy":"Foreground"}
            200 Lease a deletionTimestamp="1970-01-01T00:00:00Z" deletionGracePeriodSeconds=0 finalizers=["foregroundDeletion"]
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases
            200 LeaseList []
        "#]],
    );
}

#[test]
fn a_namespace_ends_when_it_is_empty() {
    check(
        r#"
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a","finalizers":["example.com/f"]}}
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b"}}
        watch t /api/v1/namespaces?watch=1&fieldSelector=metadata.name=t
        DELETE /api/v1/namespaces/t
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases
        POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c"}}
        DELETE /api/v1/namespaces/t
        GET /api/v1/namespaces?fieldSelector=status.phase=Terminating
        PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"metadata":{"finalizers":null}}
        GET /api/v1/namespaces/t
        GET /apis/coordination.k8s.io/v1/namespaces/t/leases
        read t
        DELETE /api/v1/namespaces/default
        "#,
        &expect![[r#"
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"a","finalizers":["example.com/f"]}}
            201 Lease a finalizers=["example.com/f"]
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"b"}}
            201 Lease b
            > watch t /api/v1/namespaces?watch=1&fieldSelector=metadata.name=t

            > DELETE /api/v1/namespaces/t
            200 Namespace t deletionTimestamp="1970-01-01T00:00:00Z" labels={"kubernetes.io/metadata.name":"t"}
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases
            200 LeaseList [a]
            > POST /apis/coordination.k8s.io/v1/namespaces/t/leases {"metadata":{"name":"c"}}
            403 Forbidden: "leases.coordination.k8s.io \"c\" is forbidden: unable to create new content in namespace t because it is being terminated"
            > DELETE /api/v1/namespaces/t
            200 Namespace t deletionTimestamp="1970-01-01T00:00:00Z" labels={"kubernetes.io/metadata.name":"t"}
            > GET /api/v1/namespaces?fieldSelector=status.phase=Terminating
            200 NamespaceList [t]
            > PATCH /apis/coordination.k8s.io/v1/namespaces/t/leases/a {"metadata":{"finalizers":null}}
            200 Lease a deletionTimestamp="1970-01-01T00:00:00Z" deletionGracePeriodSeconds=0
            > GET /api/v1/namespaces/t
            404 NotFound: "namespaces \"t\" not found"
            > GET /apis/coordination.k8s.io/v1/namespaces/t/leases
            200 LeaseList []
            > read t
            ADDED Namespace t labels={"kubernetes.io/metadata.name":"t"}
            MODIFIED Namespace t deletionTimestamp="1970-01-01T00:00:00Z" labels={"kubernetes.io/metadata.name":"t"}
            MODIFIED Namespace t deletionTimestamp="1970-01-01T00:00:00Z" labels={"kubernetes.io/metadata.name":"t"}
            MODIFIED Namespace t deletionTimestamp="1970-01-01T00:00:00Z" labels={"kubernetes.io/metadata.name":"t"}
            DELETED Namespace t deletionTimestamp="1970-01-01T00:00:00Z" labels={"kubernetes.io/metadata.name":"t"}
            > DELETE /api/v1/namespaces/default
            403 Forbidden: "namespaces \"default\" is forbidden: this namespace may not be deleted"
        "#]],
    );
}
