//! Whatever the bytes: a result or errors, bounded memory, no panic.

use std::fmt::Write as _;

use proptest::prelude::*;
use seedpod_api::{ManifestError, Source, check, load};

fn source(bytes: impl Into<Vec<u8>>) -> Source {
    Source {
        name: "f.yaml".to_owned(),
        bytes: bytes.into(),
    }
}

/// Loads; errors must come in order, within their limit, and with something to read.
fn errors(bytes: impl Into<Vec<u8>>) -> Vec<ManifestError> {
    let errors = load(&[source(bytes)]).err().unwrap_or_default();
    assert!(errors.len() <= 101, "{} errors", errors.len());
    assert!(errors.is_sorted_by_key(|error| error.location.position));
    for error in &errors {
        let text = error.to_string();
        assert!(text.len() < 4096 && !text.contains('\u{1b}'), "{text:?}");
    }
    errors
}

/// The table must be made of the same errors.
fn errors_and_table(bytes: Vec<u8>) {
    let check = check(&[source(bytes.clone())]);
    assert_eq!(check.errors, errors(bytes));
    assert!(!check.table.contains('\u{1b}'));
}

fn first(bytes: impl Into<Vec<u8>>) -> String {
    errors(bytes)
        .first()
        .map(ToString::to_string)
        .unwrap_or_default()
}

#[test]
fn bombs() {
    let mut laughs = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for level in 1..40 {
        let alias = format!("*a{},", level - 1).repeat(9);
        writeln!(laughs, "a{level}: &a{level} [{alias}]").expect("a string");
    }
    assert_eq!(
        first(laughs.clone()),
        "f.yaml:1:1: the file has 18446744073709551615 values, aliases written out, at most 1048576 are allowed"
    );
    let merges: String = (1..60)
        .map(|n| format!("m{n}: &m{n} {{<<: [*m{}, *m{}], k{n}: 1}}\n", n - 1, n - 1))
        .collect();
    errors(format!("m0: &m0 {{x: 1}}\n{merges}"));
    let wide: String = (0..2000).map(|n| format!("k{n}: 1, ")).collect();
    let copies: String = (0..2000).map(|n| format!("c{n}: {{<<: *w}}\n")).collect();
    assert!(
        first(format!("w: &w {{{wide}}}\n{copies}"))
            .contains("entries copied by <<, at most 1048576")
    );
    let text = "x".repeat(1 << 20);
    let copies = "*t, ".repeat(100);
    assert!(
        first(format!("t: &t {text}\nc: [{copies}]\n"))
            .contains("bytes, aliases written out, at most 8388608")
    );
    let mut deep = String::from("a0: &a0 [x]\n");
    for level in 1..100 {
        writeln!(deep, "a{level}: &a{level} [*a{}]", level - 1).expect("a string");
    }
    assert!(first(deep).contains("levels, aliases written out, at most 64"));
}

#[test]
fn large_files() {
    assert!(first(vec![b'['; 8 << 20]).contains("more than 64 levels"));
    assert!(first("- a\n".repeat(1 << 20)).contains("at most 1048576 are allowed"));
    assert!(first("---\n".repeat(1 << 19)).contains("no objects"));
    assert!(first("a: 1\n".repeat(1 << 18)).contains("already set"));
    assert!(first(format!("\"{}\"", "a".repeat((8 << 20) - 2))).contains("expected an object"));
    assert!(first(vec![b'#'; 8 << 20]).contains("no objects"));
    let containers = "{},".repeat(1 << 16);
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [";
    assert!(
        first(format!("{pod}{containers}]}}\n"))
            .contains("the object has 65549 values, at most 32768")
    );
    let keys: String = (0..16_000).map(|n| format!("k{n} x: 1\n  ")).collect();
    let errors = errors(format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m}}\ndata:\n  {keys}"
    ));
    assert_eq!(errors.len(), 101);
    assert!(
        errors[100]
            .to_string()
            .ends_with("too many errors, the rest is not shown")
    );
}

#[test]
fn thousands_of_pods() {
    let pods: String = (0..5000)
        .map(|n| format!("---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{n}}}\nspec: {{containers: [{{name: c, image: i}}]}}\n"))
        .collect();
    assert_eq!(
        load(&[source(pods)]).expect("good pods").objects.pods.len(),
        5000
    );
}

#[test]
fn terminals_are_not_obeyed() {
    for yaml in [
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n\"\\e[2J\": 1\n",
        "apiVersion: v1\nkind: \"\\e[2J\"\nmetadata: {name: p}\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {\"\\e[2J\": x}\n",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"\\e[2J\"}\ndata: 3\n",
    ] {
        let errors: String = errors(yaml).iter().map(ToString::to_string).collect();
        assert!(errors.contains("\\u{1b}[2J"), "{errors}");
    }
}

const PIECES: &[&str] = &[
    "apiVersion: v1\n",
    "kind: Pod\n",
    "kind: Service\n",
    "kind: List\n",
    "items:\n",
    "metadata:\n",
    "  name: p\n",
    "spec:\n",
    "  containers:\n",
    "  - name: c\n",
    "    image: i\n",
    "    env:\n",
    "    - {name: A, value: b}\n",
    "    ports: [{containerPort: 80}]\n",
    "  volumes:\n",
    "  - emptyDir: {}\n",
    "---\n",
    "...\n",
    "# c\n",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "!x ",
    "? ",
    "- ",
    ": ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "|\n",
    ">-\n",
    "\"",
    "'",
    "\t",
    "\r\n",
    "\0",
    "\u{feff}",
    "%YAML 1.1\n",
    "  ",
    "\n",
    "null",
    "0x",
    "1e9",
    "9",
    "é",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        errors_and_table(bytes);
    }

    #[test]
    fn random_yaml(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
        errors_and_table(pieces.concat().into_bytes());
    }

    #[test]
    fn mutated_manifest(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..20, prop::sample::select(PIECES)), 1..6)
    ) {
        let mut text = EVERYTHING.to_owned();
        for (at, length, piece) in cuts {
            let at = at.index(text.len());
            let boundary = |mut at: usize| { while !text.is_char_boundary(at) { at += 1; } at };
            let (start, end) = (boundary(at), boundary((at + length).min(text.len())));
            text.replace_range(start..end, piece);
        }
        errors_and_table(text.into_bytes());
    }
}

const EVERYTHING: &str = r#"apiVersion: v1
kind: ConfigMap
metadata: {name: m, labels: {a: b}}
data:
  nginx.conf: |-
    user nginx;
binaryData: {b: aGk=}
---
apiVersion: v1
kind: Pod
metadata:
  name: p
  creationTimestamp: "2026-01-01T00:00:00Z"
spec:
  hostAliases: [{ip: "::1", hostnames: [a]}]
  terminationGracePeriodSeconds: 5
  containers:
  - &c
    name: c
    image: nginx:1.14.2
    args: ["a", 'b']
    env:
    - {name: A, valueFrom: {fieldRef: {fieldPath: "metadata.labels['a']"}}}
    - {name: B, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}}
    - {name: C, valueFrom: {configMapKeyRef: {name: m, key: nginx.conf}}}
    ports: [{name: web, containerPort: 80, hostPort: 8080}]
    resources: {limits: {cpu: 1.5, memory: 100Mi}}
    volumeMounts:
    - {name: v, mountPath: /etc/nginx, subPath: nginx.conf}
    livenessProbe: {httpGet: {port: web, path: /}}
  - {<<: *c, name: d, ports: []}
  volumes:
  - name: v
    configMap: {name: m, defaultMode: 0644, items: [{key: nginx.conf, path: nginx.conf}]}
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {type: NodePort, selector: {a: b}, ports: [{port: 80, targetPort: web, nodePort: 30080}]}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {k: v}
"#;
