//! What a case is.

/// The cases of one upstream file.
#[derive(Clone, Copy)]
pub(crate) struct File {
    /// As in `upstream.tsv`.
    pub(crate) path: &'static str,
    pub(crate) cases: &'static [Case],
}

/// One upstream test.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    /// In the file of Kubernetes 1.36; tells tests of the same name apart.
    pub(crate) line: u32,
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
}

/// What became of an upstream test.
#[derive(Clone, Copy)]
pub(crate) enum Outcome {
    /// It holds as it stands.
    Pass(fn()),
    /// It holds when looked at in another way, said here.
    Adapted(&'static str, fn()),
    /// It asks for something that is not about pods here, said here.
    NotApplicable(&'static str),
}

pub(crate) const fn pass(line: u32, name: &'static str, run: fn()) -> Case {
    let outcome = Outcome::Pass(run);
    Case {
        line,
        name,
        outcome,
    }
}

pub(crate) const fn adapted(line: u32, name: &'static str, how: &'static str, run: fn()) -> Case {
    let outcome = Outcome::Adapted(how, run);
    Case {
        line,
        name,
        outcome,
    }
}

pub(crate) const fn not_applicable(line: u32, name: &'static str, why: &'static str) -> Case {
    let outcome = Outcome::NotApplicable(why);
    Case {
        line,
        name,
        outcome,
    }
}

// Images, by upstream's names.
pub(crate) const AGNHOST: &str = "registry.k8s.io/e2e-test-images/agnhost:2.63.0";
pub(crate) const BUSYBOX: &str = "registry.k8s.io/e2e-test-images/busybox:1.37.0-1";
pub(crate) const KITTEN: &str = "registry.k8s.io/e2e-test-images/kitten:1.8";
pub(crate) const NGINX: &str = "registry.k8s.io/e2e-test-images/nginx:1.15-4";
pub(crate) const NON_ROOT: &str = "registry.k8s.io/e2e-test-images/nonroot:1.5";
pub(crate) const PAUSE: &str = "registry.k8s.io/pause:3.10.2";

/// A pod of one container; `spec` and `container` are further fields of theirs, not indented.
pub(crate) fn pod(name: &str, spec: &str, container: &str, image: &str, fields: &str) -> String {
    let (spec, fields) = (indent(spec, 2), indent(fields, 4));
    format!(
        "apiVersion: v1
kind: Pod
metadata:
  name: {name}
  labels: {{name: {name}}}
spec:
{spec}  containers:
  - name: {container}
    image: {image}
{fields}"
    )
}

/// Every line of `text` that is not empty, moved to the right.
pub(crate) fn indent(text: &str, spaces: usize) -> String {
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .fold(String::new(), |text, line| {
            format!("{text}{:spaces$}{line}\n", "")
        })
}
