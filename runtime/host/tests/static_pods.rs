//! Static pods: a folder of manifests that is watched. The rows of Kubernetes' mirror_pod_test.go and
//! mirror_pod_grace_period_test.go that have a meaning without an API server.

use seedpod::status::Phase;
use seedpod::{Node, Pod, StaticPodEvent, StaticPods};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A pod whose container runs until it is stopped, or does what `command` says.
fn manifest(name: &str, command: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  restartPolicy: Never\n  \
         terminationGracePeriodSeconds: 1\n  containers:\n  - {{name: c, image: seedpod/test, command: {command}}}\n"
    )
}

const SERVE: &str = "[tcp-echo, '127.0.0.1:7']";

fn write(folder: &Path, file: &str, content: &str) {
    // As an editor does: whole, under its name at once.
    let draft = folder.join(format!(".{file}.swp"));
    fs::write(&draft, content).unwrap();
    fs::rename(draft, folder.join(file)).unwrap();
}

fn watch(files: &[(&str, &str)]) -> (Node, TempDir, StaticPods) {
    let folder = TempDir::new().unwrap();
    for (file, content) in files {
        write(folder.path(), file, content);
    }
    let node = Node::builder().build().unwrap();
    let pods = node.static_pods(folder.path()).unwrap();
    (node, folder, pods)
}

async fn started(pods: &mut StaticPods) -> Pod {
    match pods.next().await {
        Some(StaticPodEvent::Started(pod)) => pod,
        event => panic!("{event:?}"),
    }
}

async fn report(pods: &mut StaticPods) -> String {
    match pods.next().await {
        Some(StaticPodEvent::Report(text)) => text,
        event => panic!("{event:?}"),
    }
}

async fn runs(pod: &Pod) {
    let status = pod.wait_for(|status| status.phase == Phase::Running).await;
    assert!(status.is_some(), "{pod:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mirror_pod_should_be_updated_when_static_pod_updated() {
    let (_node, folder, mut pods) = watch(&[("a.yaml", &manifest("a", SERVE))]);
    let first = started(&mut pods).await;
    assert_eq!(first.name().name, "a-seedpod");
    let annotations = &first.spec().meta.annotations;
    assert_eq!(annotations["kubernetes.io/config.hash"], first.uid());
    assert_eq!(annotations["kubernetes.io/config.source"], "file");
    runs(&first).await;
    write(folder.path(), "a.yaml", &manifest("a", "[exit-code, '7']"));
    let second = started(&mut pods).await;
    assert!(first.wait().await.phase.is_terminal());
    assert_eq!(second.name(), first.name());
    assert_ne!(second.uid(), first.uid());
    assert_eq!(second.wait().await.phase, Phase::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn should_successfully_recreate_when_file_is_removed_and_recreated() {
    let content = manifest("a", SERVE);
    let (_node, folder, mut pods) = watch(&[("a.yaml", &content)]);
    let first = started(&mut pods).await;
    runs(&first).await;
    fs::remove_file(folder.path().join("a.yaml")).unwrap();
    assert!(first.wait().await.phase.is_terminal());
    write(folder.path(), "a.yaml", &content);
    let second = started(&mut pods).await;
    assert_eq!(second.uid(), first.uid());
    runs(&second).await;
    let ended = pods.stop(None).await;
    assert_eq!(ended.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_and_hidden_files_and_references_start_nothing() {
    let (_node, folder, mut pods) = watch(&[
        (".hidden.yaml", "["),
        ("broken.yaml", "apiVersion: v1\nkind: Pod\nspec: ["),
        (
            "needs.yaml",
            &(manifest("needs", SERVE) + "  serviceAccountName: x\n"),
        ),
    ]);
    assert!(report(&mut pods).await.contains("unclosed bracket"));
    let needs = report(&mut pods).await;
    assert!(
        needs.ends_with("static pods may not reference serviceaccounts"),
        "{needs}"
    );
    write(folder.path(), "broken.yaml", &manifest("good", SERVE));
    runs(&started(&mut pods).await).await;
    assert_eq!(pods.pods().len(), 1);
}

#[test]
fn a_folder_that_is_not_there() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    let node = Node::builder().build().unwrap();
    let error = node.static_pods("/nowhere/at/all").unwrap_err().to_string();
    assert!(
        error.starts_with("cannot read the folder of static pods /nowhere/at/all: "),
        "{error}"
    );
}
