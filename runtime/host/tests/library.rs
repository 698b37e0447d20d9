//! The public library, as a program that embeds pods uses it. Nothing here touches the disk or a port of the machine.

use seedpod::spec::ResourceList;
use seedpod::status::{ContainerState, Phase, Status, TerminatedReason};
use seedpod::{AttachRequest, ExecRequest, ExitStatus, LogStream, Node, Pod, StartError, Which};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATIENCE: Duration = Duration::from_secs(120);

fn manifest(name: &str, policy: &str, container: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  restartPolicy: {policy}\n  containers:\n  \
         - {{name: main, image: seedpod/test, command: {container}}}\n"
    )
}

/// Starts the only pod of a manifest on a node that keeps nothing.
fn start(manifest: &str) -> Pod {
    let node = Node::builder().build().unwrap();
    node.run(manifest).unwrap().pods.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_is_fed_a_request() {
    let pod = start(&manifest("p", "Always", "[tcp-echo, '127.0.0.1:7']"));
    let mut connection = pod.connect_within(7, PATIENCE).await.unwrap();
    connection.write_all(b"hello").await.unwrap();
    connection.shutdown().await.unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, b"hello");
    assert_eq!(pod.status().unwrap().phase, Phase::Running);
    pod.delete(None);
    assert!(pod.wait().await.phase.is_terminal());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_connects_to_the_program_around_it() {
    let node = Node::builder().build().unwrap();
    let pod = node
        .run(&manifest(
            "p",
            "OnFailure",
            "[tcp-send, '127.0.0.1:7', hello]",
        ))
        .unwrap()
        .pods
        .remove(0);
    let listener = pod.listen(7).unwrap();
    assert_eq!(
        pod.listen(7).err().unwrap().kind(),
        std::io::ErrorKind::AddrInUse
    );
    let mut connection = listener.accept().await.unwrap();
    let mut received = [0; 5];
    connection.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_events_and_status_are_there_after_the_end() {
    let pod = start(&manifest("p", "Never", "[exit-code, '7']"));
    let status = pod.wait().await;
    let ContainerState::Terminated(end) = &status.containers[0].state else {
        panic!("{status:?}")
    };
    assert_eq!(
        (status.phase, end.exit_code, end.reason),
        (Phase::Failed, 7, TerminatedReason::Error)
    );
    let mut logs = pod.logs();
    assert_eq!(logs.next().await.unwrap().bytes, b"exit 7");
    assert_eq!(logs.next().await, None);
    let mut events = pod.events();
    assert_eq!(events.next().await.unwrap().reason.to_string(), "Scheduled");
    let counted = pod.counted_events();
    let reasons: Vec<_> = counted
        .iter()
        .map(|one| one.event.reason.to_string())
        .collect();
    assert_eq!(reasons.first().map(String::as_str), Some("Scheduled"));
    assert!(reasons.contains(&"Started".to_owned()) && counted.iter().all(|one| one.count == 1));
    assert!(
        pod.wait_for(|status| status.phase == Phase::Succeeded)
            .await
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_free_again_after_the_end() {
    let node = Node::builder().build().unwrap();
    let text = manifest("p", "Always", "[tcp-echo, '127.0.0.1:7']");
    let first = node.run(&text).unwrap();
    assert!(matches!(node.run(&text), Err(StartError::PodExists(name)) if name == "p"));
    first.pods[0].delete(None);
    first.pods[0].wait().await;
    node.run(&text).unwrap().pods[0].delete(None);
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_of_a_node_share_a_network() {
    let node = Node::builder().build().unwrap();
    let server = node
        .run(&manifest("server", "Always", "[tcp-echo, '0.0.0.0:7']"))
        .unwrap()
        .pods
        .remove(0);
    server.connect_within(7, PATIENCE).await.unwrap();
    let client = manifest(
        "client",
        "Never",
        &format!("[tcp-send, '{}:7', hello]", server.ip()),
    );
    let status = node.run(&client).unwrap().pods[0].wait().await;
    assert_eq!(status.phase, Phase::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn environment_and_arguments_reach_the_program() {
    let text = manifest("p", "Never", "[env-dump, '$(GREETING) you']").replace(
        "command:",
        "env: [{name: GREETING, value: hello}], command:",
    );
    let pod = start(&text);
    pod.wait().await;
    let mut logs = pod.logs();
    let mut lines = Vec::new();
    while let Some(line) = logs.next().await {
        lines.push(String::from_utf8(line.bytes).unwrap());
    }
    for expected in ["argv[1]=hello you", "env GREETING=hello", "env HOSTNAME=p"] {
        assert!(
            lines.iter().any(|line| line == expected),
            "{expected}: {lines:#?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_nothing_starts() {
    let node = Node::builder().build().unwrap();
    let error = |text: &str| node.run(text).unwrap_err().to_string();
    assert!(
        error("kind: Pod").contains("manifest:1:1: "),
        "{}",
        error("kind: Pod")
    );
    let missing = manifest("p", "Never", "[x]").replace("seedpod/test", "redis");
    assert!(error(&missing).starts_with("pod p, container main: failed to pull image \"redis\""));
}

#[test]
fn a_node_needs_a_runtime() {
    assert!(Node::builder().build().is_err());
}

fn busybox(more: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  terminationGracePeriodSeconds: 0\n  containers:\n  - {{name: c, image: busybox, {more}}}\n"
    )
}

async fn runs(pod: &Pod) {
    let running =
        |status: &Status| matches!(status.containers[0].state, ContainerState::Running { .. });
    pod.wait_for(running).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_runs_in_a_container() {
    let pod = start(&busybox("command: [sleep, '1000']"));
    runs(&pod).await;
    let request = ExecRequest {
        container: "c".to_owned(),
        command: ["sh", "-c", "read x; echo $x $x >&2; exit 5"]
            .map(str::to_owned)
            .into(),
        stdin: true,
        tty: false,
    };
    let exec = pod.exec(request).unwrap();
    exec.write(b"twice\n").await.unwrap();
    let (stream, bytes) = exec.read().await.unwrap();
    assert_eq!(
        (stream, &bytes[..]),
        (LogStream::Stderr, &b"twice twice\n"[..])
    );
    assert_eq!(exec.read().await, None);
    assert_eq!(exec.wait().await, ExitStatus::Exited(5));
    let error = pod.exec(ExecRequest::default()).err().unwrap();
    assert_eq!(error.to_string(), "container  is not valid for pod p");
    pod.delete(None);
    pod.wait().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_attaches_and_reads_the_log_of_the_instance_before() {
    let pod = start(&busybox(
        "command: [sh, -c, 'read x; echo got $x; exit 1'], stdin: true, stdinOnce: true",
    ));
    runs(&pod).await;
    let request = AttachRequest {
        container: "c".to_owned(),
        stdin: true,
    };
    let attached = pod.attach(&request).unwrap();
    let missing = pod.container_logs("c", Which::Previous).unwrap_err();
    assert_eq!(
        missing.to_string(),
        "previous terminated container \"c\" in pod \"p\" not found"
    );
    attached.write(b"it\n").await.unwrap();
    let (_, bytes) = attached.read().await.unwrap();
    assert_eq!(&bytes[..], b"got it\n");
    assert_eq!(attached.read().await, None);
    let again = |status: &Status| {
        let container = &status.containers[0];
        container.restart_count == 1 && matches!(container.state, ContainerState::Running { .. })
    };
    pod.wait_for(again).await.unwrap();
    let lines = |which: Which| -> Vec<String> {
        let lines = pod.container_logs("c", which).unwrap();
        lines
            .iter()
            .map(|line| String::from_utf8_lossy(&line.bytes).into_owned())
            .collect()
    };
    assert_eq!(lines(Which::Previous), ["got it"]);
    assert_eq!(lines(Which::Current), [""; 0]);
    pod.delete(None);
    pod.wait().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_takes_the_updates_that_kubernetes_allows() {
    let pod = start(&busybox("command: [sleep, '1000']"));
    runs(&pod).await;
    let mut spec = (*pod.spec()).clone();
    spec.containers[0].command.clear();
    assert!(pod.update(spec).is_err());
    let mut spec = (*pod.spec()).clone();
    spec.containers[0].image = "busybox:1".to_owned();
    pod.update(spec).unwrap();
    let restarted = |status: &Status| status.containers[0].restart_count == 1;
    pod.wait_for(restarted).await.unwrap();
    assert_eq!(pod.spec().containers[0].image, "busybox:1");
    pod.evict("enough");
    let status = pod.wait().await;
    assert_eq!(
        (status.phase, status.message.as_deref()),
        (Phase::Failed, Some("enough"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_change_while_a_container_runs() {
    let limits = "resources: {limits: {cpu: 500m, memory: 64Mi}}";
    let pod = start(&busybox(&format!("command: [sleep, '1000'], {limits}")));
    runs(&pod).await;
    let shown = async |file: &str| {
        let exec = pod.exec(ExecRequest {
            container: "c".to_owned(),
            command: vec!["cat".to_owned(), format!("/sys/fs/cgroup/{file}")],
            ..ExecRequest::default()
        });
        let (_, bytes) = exec.unwrap().read().await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    assert_eq!(shown("cpu.max").await, "50000 100000\n");
    assert_eq!(shown("memory.max").await, "67108864\n");
    let mut spec = (*pod.spec()).clone();
    let resources = &mut spec.containers[0].resources;
    (resources.limits.cpu_m, resources.limits.memory) = (Some(250), Some(32 << 20));
    resources.requests = resources.limits;
    pod.resize(spec.clone()).unwrap();
    let status = pod
        .wait_for(|status| status.observed_generation == 2)
        .await
        .unwrap();
    assert_eq!(status.containers[0].restart_count, 0);
    assert_eq!(shown("cpu.max").await, "25000 100000\n");
    assert_eq!(shown("memory.max").await, "33554432\n");
    spec.containers[0].resources.limits = ResourceList::default();
    let error = pod.resize(spec).unwrap_err();
    assert_eq!(
        error.to_string(),
        "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed"
    );
    pod.delete(None);
    pod.wait().await;
}
