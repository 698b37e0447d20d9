//! What is about podman, its build, its annotations or the kernel.

use crate::cases::{Case, not_applicable};

const COMMAND_LINE: &str = "podman's own command line";
const CONFIGURATION: &str = "podman's own configuration file";
const ANNOTATION: &str = "podman's own annotation";
const KERNEL: &str = "asks the Linux kernel";
const CONTROLLER: &str = "a controller of the API server makes the pods";
const CLAIM: &str = "needs storage that outlives the pod";
const REGISTRY: &str = "needs a registry whose image changes";
const BUILD: &str = "needs an image that podman builds";
const FORMAT: &str = "a secret of podman that is none of Kubernetes";
const INFRA: &str = "looks at podman's infra container";

pub(super) const PLAY_KUBE: &[Case] = &[
    not_applicable(2469, "fail with custom selinux label", KERNEL),
    not_applicable(2487, "--no-hostname", COMMAND_LINE),
    not_applicable(2506, "--no-host", COMMAND_LINE),
    not_applicable(2531, "test HostAliases with --no-hosts", COMMAND_LINE),
    not_applicable(2549, "should use customized infra_image", CONFIGURATION),
    not_applicable(
        2579,
        "should share ipc,net,uts when shareProcessNamespace is set",
        INFRA,
    ),
    not_applicable(
        2597,
        "should be able to run image where workdir is a symlink",
        BUILD,
    ),
    not_applicable(2722, "fail with nonexistent authfile", COMMAND_LINE),
    not_applicable(2955, "podman-remote pod logs test", COMMAND_LINE),
    not_applicable(
        3020,
        "test env value from configmap and --replace should reuse the configmap volume",
        COMMAND_LINE,
    ),
    not_applicable(3357, "cap add", KERNEL),
    not_applicable(3375, "cap drop", KERNEL),
    not_applicable(3408, "seccomp container level", ANNOTATION),
    not_applicable(3440, "seccomp pod level", ANNOTATION),
    not_applicable(3492, "with pull always", REGISTRY),
    not_applicable(3524, "with latest image should always pull", REGISTRY),
    not_applicable(
        3557,
        "with no tag and no pull policy should always pull",
        REGISTRY,
    ),
    not_applicable(3637, "daemonset sanity", CONTROLLER),
    not_applicable(
        3655,
        "deployment 1 replica test correct command",
        CONTROLLER,
    ),
    not_applicable(
        3672,
        "deployment more than 1 replica test correct command",
        CONTROLLER,
    ),
    not_applicable(3695, "job sanity", CONTROLLER),
    not_applicable(3712, "--ip and --mac-address", COMMAND_LINE),
    not_applicable(3757, "with multiple networks", COMMAND_LINE),
    not_applicable(
        3967,
        "test duplicate volume destination between host path and image volumes",
        BUILD,
    ),
    not_applicable(4020, "test with PersistentVolumeClaim volume", CLAIM),
    not_applicable(4231, "allows setting resource limits", KERNEL),
    not_applicable(4277, "allows setting resource limits with --cpus 1", KERNEL),
    not_applicable(4319, "applies log driver to containers", COMMAND_LINE),
    not_applicable(4334, "test only creating the containers", COMMAND_LINE),
    not_applicable(4344, "test with HostNetwork", KERNEL),
    not_applicable(4363, "test with kube default network", COMMAND_LINE),
    not_applicable(4373, "PVC annotations -> volume opts", CLAIM),
    not_applicable(4398, "persistentVolumeClaim with source", CLAIM),
    not_applicable(4435, "persistentVolumeClaim - image based", CLAIM),
    not_applicable(
        4462,
        "multi doc yaml with persistentVolumeClaim, service and deployment",
        CONTROLLER,
    ),
    not_applicable(
        4614,
        "with auto update annotations for all containers",
        ANNOTATION,
    ),
    not_applicable(
        4644,
        "with auto update annotations for first container only",
        ANNOTATION,
    ),
    not_applicable(4694, "teardown with secret", COMMAND_LINE),
    not_applicable(4711, "teardown pod does not exist", COMMAND_LINE),
    not_applicable(4718, "teardown volume --force", COMMAND_LINE),
    not_applicable(4747, "after teardown with volume reuse", COMMAND_LINE),
    not_applicable(4768, "use network mode from config", COMMAND_LINE),
    not_applicable(4788, "--replace recreates pod", COMMAND_LINE),
    not_applicable(4817, "replace non-existing pod", COMMAND_LINE),
    not_applicable(4969, "deployment uses variable from config map", CONTROLLER),
    not_applicable(
        4989,
        "uses env value from configmap for HTTP API client",
        COMMAND_LINE,
    ),
    not_applicable(5126, "--log-opt = tag test", COMMAND_LINE),
    not_applicable(5138, "using a user namespace", COMMAND_LINE),
    not_applicable(5213, "expose block device inside container", KERNEL),
    not_applicable(5245, "expose character device inside container", KERNEL),
    not_applicable(5276, "reports error when the device does not exist", KERNEL),
    not_applicable(
        5292,
        "reports error when we try to expose char device as block device",
        KERNEL,
    ),
    not_applicable(
        5318,
        "reports error when we try to expose block device as char device",
        KERNEL,
    ),
    not_applicable(
        5349,
        "secret as volume support - error on invalid secret format",
        FORMAT,
    ),
    not_applicable(5533, "with disabled cgroup", KERNEL),
    not_applicable(5551, "podman kube --quiet with error", COMMAND_LINE),
    not_applicable(
        5764,
        "with privileged container ports - should fail",
        KERNEL,
    ),
    not_applicable(
        5784,
        "should publish containerPort with --publish-all",
        COMMAND_LINE,
    ),
    not_applicable(
        5813,
        "with Host Ports and publish in command line - curl should succeed only on overriding port",
        COMMAND_LINE,
    ),
    not_applicable(
        5850,
        "with replicas limits the count to 1 and emits a warning",
        CONTROLLER,
    ),
    not_applicable(5868, "test with hostPID", KERNEL),
    not_applicable(5880, "test with hostIPC", KERNEL),
    not_applicable(5916, "test with sysctl defined", KERNEL),
    not_applicable(5928, "test with sysctl & host network defined", KERNEL),
    not_applicable(
        5960,
        "test pod with volumes-from annotation in yaml",
        ANNOTATION,
    ),
    not_applicable(
        5985,
        "test volumes-from annotation with source containers external",
        ANNOTATION,
    ),
    not_applicable(
        6028,
        "test volumes-from annotation with source container in pod",
        ANNOTATION,
    ),
    not_applicable(
        6060,
        "test with reserved volumes-from annotation in yaml",
        ANNOTATION,
    ),
    not_applicable(
        6073,
        "test with reserved autoremove annotation in yaml",
        ANNOTATION,
    ),
    not_applicable(
        6086,
        "test with reserved privileged annotation in yaml",
        ANNOTATION,
    ),
    not_applicable(
        6098,
        "test with reserved init annotation in yaml",
        ANNOTATION,
    ),
    not_applicable(
        6110,
        "test with reserved CIDFile annotation in yaml",
        ANNOTATION,
    ),
    not_applicable(
        6123,
        "test with reserved Seccomp annotation in yaml",
        ANNOTATION,
    ),
    not_applicable(
        6135,
        "test with reserved Apparmor annotation in yaml",
        ANNOTATION,
    ),
    not_applicable(
        6147,
        "test with reserved Label annotation in yaml",
        ANNOTATION,
    ),
    not_applicable(
        6159,
        "test with reserved PublishAll annotation in yaml",
        ANNOTATION,
    ),
    not_applicable(6188, "test with valid Umask value", ANNOTATION),
    not_applicable(6205, "test with infra name annotation set", ANNOTATION),
    not_applicable(6225, "test with default infra name", ANNOTATION),
    not_applicable(6337, "test pids-limit annotation", ANNOTATION),
    not_applicable(6351, "test cpuset annotation", ANNOTATION),
    not_applicable(6366, "test memory-nodes annotation", ANNOTATION),
    not_applicable(
        6411,
        "test with custom log path from containers.conf",
        CONFIGURATION,
    ),
    not_applicable(
        6521,
        "test container name without Pod name prefix",
        COMMAND_LINE,
    ),
];

pub(super) const PLAY_BATS: &[Case] = &[
    not_applicable(109, "podman kube with stdin", COMMAND_LINE),
    not_applicable(124, "podman play", COMMAND_LINE),
    not_applicable(146, "podman play --service-container", COMMAND_LINE),
    not_applicable(219, "podman kube --network", COMMAND_LINE),
    not_applicable(
        282,
        "podman kube play read-only from containers.conf",
        CONFIGURATION,
    ),
    not_applicable(363, "podman play --build --context-dir", COMMAND_LINE),
    not_applicable(
        399,
        "podman kube play --replace external storage",
        COMMAND_LINE,
    ),
    not_applicable(428, "podman kube --annotation", COMMAND_LINE),
    not_applicable(
        447,
        "podman play Yaml deprecated --no-trunc annotation",
        COMMAND_LINE,
    ),
    not_applicable(456, "podman kube play - default log driver", CONFIGURATION),
    not_applicable(473, "podman kube play - URL", COMMAND_LINE),
    not_applicable(598, "podman kube generate filetype", COMMAND_LINE),
    not_applicable(
        630,
        "podman kube play --wait with siginterrupt",
        COMMAND_LINE,
    ),
    not_applicable(
        698,
        "podman kube play --wait - wait for pod to exit",
        COMMAND_LINE,
    ),
    not_applicable(806, "podman kube with --authfile=/tmp/bogus", COMMAND_LINE),
    not_applicable(
        816,
        "podman kube play with umask from containers.conf",
        CONFIGURATION,
    ),
    not_applicable(851, "podman kube generate tmpfs on /tmp", COMMAND_LINE),
    not_applicable(860, "podman kube play - pull policy", REGISTRY),
    not_applicable(1011, "podman play --build private registry", COMMAND_LINE),
    not_applicable(1299, "podman kube restore user namespace", CONFIGURATION),
    not_applicable(
        1331,
        "podman kube play - publish with default_host_ips",
        COMMAND_LINE,
    ),
];
