//! What is accepted, and what is refused and why.

use super::{IMAGE, output, pod, refused};
use crate::cases::{self, Case, adapted, pass};
use seedpod::status::Phase;
use seedpod_tests::Cluster;
use seedpod_tests::cluster::{POD_START_S, POD_START_SHORT_S, container_of};

pub(super) const CASES: &[Case] = &[
    pass(
        2453,
        "[play kube] fail with yaml of unsupported kind",
        || {
            let manifest = "apiVersion: v1\nkind: UnknownKind\nmetadata: {name: unknown}\n";
            let errors = refused(manifest);
            assert!(errors.contains("UnknownKind"), "{errors}");
        },
    ),
    adapted(
        2622,
        "should not rename pod if container in pod has same name",
        "a pod and its container have namespaces of their own for names",
        || {
            let mut cluster = Cluster::new();
            let fields = "command: [sleep, '100']";
            cluster.create(&cases::pod("same", "", "same", IMAGE, fields));
            cluster.wait_for_running("same", POD_START_S);
            assert_eq!(cluster.status("same").containers[0].name, "same");
        },
    ),
    pass(2645, "should error if pod doesn't have a name", || {
        let errors = refused(&pod("", "").replace("  name: testpod\n", ""));
        assert!(errors.contains("metadata.name"), "{errors}");
        assert!(errors.contains("Required value"), "{errors}");
    }),
    pass(2654, "should error if pod doesn't have an image", || {
        let image = format!("    image: {IMAGE}\n");
        let errors = refused(&pod("", "").replace(&image, ""));
        assert!(
            errors.contains("spec.containers[0].image: Required value"),
            "{errors}"
        );
    }),
    pass(3277, "test duplicate container name", || {
        let second = format!("  - {{name: ctr, image: {IMAGE:?}}}\n");
        let errors = refused(&(pod("", "") + &second));
        assert!(
            errors.contains("spec.containers[1].name: Duplicate value: \"ctr\""),
            "{errors}"
        );
    }),
    adapted(
        3472,
        "with pull policy of never should be 125",
        super::WAITS,
        || {
            let mut cluster = Cluster::new();
            let fields = "imagePullPolicy: Never";
            let image = "quay.io/libpod/not-here:1";
            cluster.create(&cases::pod("testpod", "", "ctr", image, fields));
            let status = cluster.wait("testpod", POD_START_SHORT_S, |status| {
                let container = container_of(status, "ctr");
                seedpod_tests::cluster::waiting_reason(container).is_some_and(|reason| {
                    ["ErrImageNeverPull", "ErrImagePull"].contains(&reason.as_str())
                })
            });
            assert_eq!(status.phase, Phase::Pending);
        },
    ),
    pass(3482, "with pull policy of missing", || {
        let fields = "imagePullPolicy: IfNotPresent\ncommand: [echo, here]";
        assert_eq!(output("", "", fields), "here\n");
    }),
    adapted(4301, "reports invalid image name", super::WAITS, || {
        let mut cluster = Cluster::new();
        let image = "./myimage:v1:broken";
        cluster.create(&cases::pod("testpod", "", "ctr", image, ""));
        let status = cluster.wait("testpod", POD_START_SHORT_S, |status| {
            let container = container_of(status, "ctr");
            seedpod_tests::cluster::waiting_reason(container)
                .is_some_and(|reason| reason.contains("Image"))
        });
        assert_eq!(status.phase, Phase::Pending);
    }),
    pass(
        4521,
        "multi doc yaml with multiple services, pods and deployments",
        || {
            let second = pod("", "command: [sleep, '100']").replace("testpod", "testpod-2");
            let service = "apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {name: testpod}
  ports: [{port: 80}]
";
            let first = pod("", "command: [sleep, '100']");
            let mut cluster = Cluster::new();
            cluster.create(&[service, &first, &second].join("---\n"));
            for name in ["testpod", "testpod-2"] {
                cluster.wait_for_running(name, POD_START_S);
            }
        },
    ),
    pass(4579, "invalid multi doc yaml", || {
        let errors = refused(&format!("{}---\ninvalid yaml kind: -\n", pod("", "")));
        assert!(errors.starts_with("manifest:"), "{errors}");
    }),
    pass(4205, "applies labels to pods", || {
        let fields = "command: [sh, -c, echo $LABEL]
env:
- {name: LABEL, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['name']\"}}}";
        assert_eq!(output("", "", fields), "testpod\n");
    }),
    adapted(
        5585,
        "invalid yaml should clean up pod that was created before failure",
        "no pod starts when any document is wrong",
        || {
            let wrong = pod("", "")
                .replace("testpod", "other")
                .replace("image:", "imag:");
            let mut cluster = Cluster::new();
            let result = cluster.try_create(&format!("{}---\n{wrong}", pod("", "")));
            assert!(result.is_err_and(|errors| errors.contains("imag")));
            assert!(!cluster.exists("testpod"));
        },
    ),
    pass(6248, "support List kind", || {
        let item = cases::indent(&pod("restartPolicy: Never", "command: ['true']"), 4);
        let item = item.replacen("    apiVersion", "  - apiVersion", 1);
        let mut cluster = Cluster::new();
        cluster.create(&format!("apiVersion: v1\nkind: List\nitems:\n{item}"));
        cluster.wait_for_success("testpod", POD_START_S);
    }),
    adapted(
        5938,
        "test with annotation size beyond limits",
        "Kubernetes' limit of 256 KiB for all annotations instead of podman's",
        || {
            let long = "x".repeat(300 << 10);
            let errors = refused(&annotated(&long));
            assert!(errors.contains("metadata.annotations"), "{errors}");
        },
    ),
    adapted(
        5950,
        "test with annotation size within limits",
        "Kubernetes' limit of 256 KiB for all annotations instead of podman's",
        || {
            let mut cluster = Cluster::new();
            cluster.create(&annotated(&"x".repeat(200 << 10)));
            cluster.wait_for_success("testpod", POD_START_S);
        },
    ),
];

fn annotated(value: &str) -> String {
    let manifest = pod("restartPolicy: Never", "command: ['true']");
    let annotations = format!("  name: testpod\n  annotations: {{name: {value}}}\n");
    manifest.replacen("  name: testpod\n", &annotations, 1)
}
