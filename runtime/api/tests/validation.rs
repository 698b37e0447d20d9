//! Kubernetes' rules, case by case: `validation.txt` has a piece of YAML and the errors it must give.
//!
//! A case is a line `# what it is about`, lines of YAML, and a line `=> error` for each error, or `=> good`. YAML that
//! names no `kind` is the spec of a Pod, which gets a container when it has none. `UPDATE_EXPECT=1` writes the errors.

use expect_test::expect_file;
use seedpod_api::{Source, load};

#[test]
fn rules_of_kubernetes() {
    let table = include_str!("validation.txt");
    let written: String = table
        .split_inclusive('\n')
        .fold(Table::default(), Table::line)
        .end();
    assert!(written.contains("=> "), "no cases");
    expect_file!["validation.txt"].assert_eq(&written);
}

/// The table as it should be.
#[derive(Default)]
struct Table {
    written: String,
    yaml: String,
}

impl Table {
    fn line(mut self, line: &str) -> Self {
        if line.starts_with('#') || line == "\n" {
            self.case();
            self.written.push_str(line);
        } else if !line.starts_with("=> ") {
            self.written.push_str(line);
            self.yaml.push_str(line);
        }
        self
    }

    fn case(&mut self) {
        if !self.yaml.is_empty() {
            self.written.push_str(&errors(&document(&self.yaml)));
            self.yaml.clear();
        }
    }

    fn end(mut self) -> String {
        self.case();
        self.written
    }
}

fn document(yaml: &str) -> String {
    if yaml.contains("kind: ") {
        return format!("apiVersion: v1\n{yaml}");
    }
    let has_containers = yaml.lines().any(|line| line.starts_with("containers:"));
    let container = if has_containers {
        ""
    } else {
        "  containers: [{name: c, image: i}]\n"
    };
    let spec: String = yaml.lines().map(|line| format!("  {line}\n")).collect();
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n{spec}{container}")
}

/// Without their places, which `errors.rs` looks at.
fn errors(yaml: &str) -> String {
    let source = Source {
        name: "f.yaml".to_owned(),
        bytes: yaml.as_bytes().to_vec(),
    };
    match load(&[source]) {
        Ok(_) => "=> good\n".to_owned(),
        Err(errors) => (errors.iter())
            .map(|error| match error.path.as_str() {
                "" => format!("=> {}\n", error.problem),
                path => format!("=> {path}: {}\n", error.problem),
            })
            .collect(),
    }
}
