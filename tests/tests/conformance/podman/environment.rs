//! Variables from ConfigMaps and Secrets.

use super::{WAITS, output, pod, refused};
use crate::cases::{Case, adapted, pass};
use seedpod_tests::Cluster;
use seedpod_tests::cluster::POD_START_SHORT_S;

pub(super) const CASES: &[Case] = &[
    pass(3000, "test env value from configmap", || {
        has(&key("configMap", "foo", "FOO", false), &["FOO=foo"]);
    }),
    adapted(
        3045,
        "test required env value from configmap with missing key",
        WAITS,
        || {
            waits(
                &key("configMap", "foo", "MISSING_KEY", false),
                "couldn't find key MISSING_KEY in ConfigMap default/foo",
            );
        },
    ),
    adapted(
        3060,
        "test required env value from missing configmap",
        WAITS,
        || {
            waits(
                &key("configMap", "missing_cm", "FOO", false).replace('_', "-"),
                "configmap \"missing-cm\" not found",
            );
        },
    ),
    pass(
        3070,
        "test optional env value from configmap with missing key",
        || has_not(&key("configMap", "foo", "MISSING_KEY", true), "FOO="),
    ),
    pass(
        3090,
        "test optional env value from missing configmap",
        || has_not(&key("configMap", "missing-cm", "FOO", true), "FOO="),
    ),
    pass(
        3105,
        "test get all key-value pairs from configmap as envs",
        || has(&all("configMap", "foo", false), &["FOO=foo", "BAR=bar"]),
    ),
    adapted(
        3126,
        "test get all key-value pairs from required configmap as envs",
        WAITS,
        || {
            waits(
                &all("configMap", "missing-cm", false),
                "configmap \"missing-cm\" not found",
            );
        },
    ),
    pass(
        3136,
        "test get all key-value pairs from optional configmap as envs",
        || has_not(&all("configMap", "missing-cm", true), "FOO="),
    ),
    pass(3146, "test env value from secret", || {
        has(&key("secret", "foo", "FOO", false), &["FOO=foo"]);
    }),
    adapted(
        3162,
        "test required env value from missing secret",
        WAITS,
        || {
            waits(
                &key("secret", "missing-secret", "FOO", false),
                "secret \"missing-secret\" not found",
            );
        },
    ),
    adapted(
        3172,
        "test required env value from secret with missing key",
        WAITS,
        || {
            waits(
                &key("secret", "foo", "MISSING", false),
                "couldn't find key MISSING in Secret default/foo",
            );
        },
    ),
    pass(3183, "test optional env value from missing secret", || {
        has_not(&key("secret", "missing-secret", "FOO", true), "FOO=");
    }),
    pass(
        3198,
        "test optional env value from secret with missing key",
        || has_not(&key("secret", "foo", "MISSING", true), "FOO="),
    ),
    pass(
        3214,
        "test get all key-value pairs from secret as envs",
        || has(&all("secret", "foo", false), &["FOO=foo", "BAR=bar"]),
    ),
    adapted(
        3231,
        "test get all key-value pairs from required secret as envs",
        WAITS,
        || {
            waits(
                &all("secret", "missing-secret", false),
                "secret \"missing-secret\" not found",
            );
        },
    ),
    pass(
        3241,
        "test get all key-value pairs from optional secret as envs",
        || has_not(&all("secret", "missing-secret", true), "FOO="),
    ),
    pass(
        3251,
        "test env value takes precedence over envFrom configmap value",
        || {
            let fields = all("configMap", "foo", false) + "env:\n- {name: FOO, value: FOO_VALUE}\n";
            has(&fields, &["FOO=FOO_VALUE", "BAR=bar"]);
        },
    ),
    pass(4864, "values containing equal sign", || {
        let value = "-D_SOME_FLAG=1 --option=foo==bar";
        let fields = format!("env:\n- {{name: FOO, value: {value:?}}}\n");
        has(&fields, &[&format!("FOO={value}")]);
    }),
    pass(4889, "uses env value", || {
        has(&key("configMap", "foo", "FOO", false), &["FOO=foo"]);
    }),
    adapted(
        4909,
        "fails for required env value with missing key",
        WAITS,
        || {
            waits(
                &key("configMap", "foo", "MISSING_KEY", false),
                "couldn't find key MISSING_KEY in ConfigMap default/foo",
            );
        },
    ),
    pass(
        4929,
        "succeeds for optional env value with missing key",
        || has_not(&key("configMap", "foo", "MISSING_KEY", true), "FOO="),
    ),
    pass(4949, "uses all key-value pairs as envs", || {
        has(&all("configMap", "foo", false), &["FOO=foo", "BAR=bar"]);
    }),
    adapted(5026, "uses env values from both sources", SOURCES, || {
        has(
            &(key("configMap", "foo", "FOO", false)
                + &second(&key("configMap", "fooo", "FOO", false))),
            &["FOO=foo", "FOO2=foooo"],
        );
    }),
    adapted(
        5057,
        "uses all env values from both sources",
        SOURCES,
        || {
            has(
                &(all("configMap", "foo", false) + "- configMapRef: {name: barr}\n"),
                &["FOO=foo", "BAR=bar", "FOO2=foo2"],
            );
        },
    ),
    adapted(
        5095,
        "reports error when the same configmap name is present in both sources",
        SOURCES,
        || {
            let errors = refused(&format!("{MAPS}---\n{MAPS}"));
            assert!(
                errors.contains("configmap default/foo is defined twice"),
                "{errors}"
            );
        },
    ),
];

const SOURCES: &str = "all files of one command are one source";

const MAPS: &str = "
apiVersion: v1
kind: ConfigMap
metadata: {name: foo}
data: {FOO: foo, BAR: bar}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: fooo}
data: {FOO: foooo}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: barr}
data: {FOO2: foo2}
";

const SECRET: &str = "
apiVersion: v1
kind: Secret
metadata: {name: foo}
data: {FOO: Zm9v, BAR: YmFy}
";

/// `FOO` from one key.
fn key(kind: &str, name: &str, key: &str, optional: bool) -> String {
    format!(
        "env:
- name: FOO
  valueFrom:
    {kind}KeyRef: {{name: {name}, key: {key}, optional: {optional}}}
"
    )
}

/// The entry of such a list as a further one, named `FOO2`.
fn second(list: &str) -> String {
    list.replace("env:\n", "")
        .replace("name: FOO\n", "name: FOO2\n")
}

fn all(kind: &str, name: &str, optional: bool) -> String {
    format!("envFrom:\n- {kind}Ref: {{name: {name}, optional: {optional}}}\n")
}

fn environment(fields: &str) -> String {
    let objects = format!("{MAPS}---{SECRET}");
    output(&objects, "", &format!("command: [env]\n{fields}"))
}

fn has(fields: &str, expected: &[&str]) {
    let environment = environment(fields);
    let lines: Vec<_> = environment.lines().collect();
    for line in expected {
        assert!(lines.contains(line), "{line} is missing in {environment}");
    }
}

fn has_not(fields: &str, start: &str) {
    let environment = environment(fields);
    let found = environment.lines().any(|line| line.starts_with(start));
    assert!(!found, "{start} is in {environment}");
}

/// The container is not created, and says so.
fn waits(fields: &str, message: &str) {
    let mut cluster = Cluster::new();
    cluster.create(&format!("{MAPS}---{SECRET}---\n{}", pod("", fields)));
    let reason = "CreateContainerConfigError";
    cluster.wait_for_waiting("testpod", "ctr", reason, POD_START_SHORT_S);
    let told = format!("Error: {message}");
    cluster.wait_for_event("testpod", "Failed", &told, POD_START_SHORT_S);
}
