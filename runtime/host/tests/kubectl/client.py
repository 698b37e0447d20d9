"""What a program with the Python client does: pods, logs, exec, watches, deployments. Prints what it saw."""

from kubernetes import client, config, watch
from kubernetes.client.rest import ApiException
from kubernetes.stream import stream

config.load_kube_config()
core, apps = client.CoreV1Api(), client.AppsV1Api()
print("version", client.VersionApi().get_code().major)

core.create_namespaced_config_map("default", client.V1ConfigMap(
    metadata=client.V1ObjectMeta(name="greeting"), data={"text": "hello"}))
script = 'echo "$TEXT"; trap "exit 0" TERM; while true; do sleep 1; done'
container = client.V1Container(
    name="c", image="busybox", command=["sh", "-c", script],
    env=[client.V1EnvVar(name="TEXT", value_from=client.V1EnvVarSource(
        config_map_key_ref=client.V1ConfigMapKeySelector(name="greeting", key="text")))])
core.create_namespaced_pod("default", client.V1Pod(
    metadata=client.V1ObjectMeta(name="p", labels={"app": "p"}), spec=client.V1PodSpec(containers=[container])))

for event in watch.Watch().stream(core.list_namespaced_pod, "default", label_selector="app=p", timeout_seconds=60):
    if event["object"].status.phase == "Running":
        print("running")
        break
for line in watch.Watch().stream(core.read_namespaced_pod_log, "p", "default", follow=True):
    print("log", line)
    break
print("exec", stream(core.connect_get_namespaced_pod_exec, "p", "default", command=["echo", "from inside"],
                     stderr=True, stdin=False, stdout=True, tty=False).strip())
shell = stream(core.connect_get_namespaced_pod_exec, "p", "default", command=["sh"], stderr=True, stdin=True,
               stdout=True, tty=False, _preload_content=False)
shell.write_stdin("exit 3\n")
shell.run_forever(timeout=30)
print("exit code", shell.returncode)

core.patch_namespaced_pod("p", "default", {"metadata": {"labels": {"more": "yes"}}})
print("labels", sorted(core.read_namespaced_pod("p", "default").metadata.labels.items()))
try:
    core.create_namespaced_pod("default", client.V1Pod(
        metadata=client.V1ObjectMeta(name="P"), spec=client.V1PodSpec(containers=[container])))
except ApiException as error:
    print("refused", error.status, error.reason)
core.delete_namespaced_pod("p", "default", grace_period_seconds=1)
for event in watch.Watch().stream(core.list_namespaced_pod, "default", label_selector="app=p", timeout_seconds=60):
    if event["type"] == "DELETED":
        print("deleted")
        break

labels = {"app": "web"}
apps.create_namespaced_deployment("default", client.V1Deployment(
    metadata=client.V1ObjectMeta(name="web"),
    spec=client.V1DeploymentSpec(
        replicas=2, selector=client.V1LabelSelector(match_labels=labels),
        template=client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(
            containers=[client.V1Container(name="nginx", image="nginx")])))))
for event in watch.Watch().stream(apps.list_namespaced_deployment, "default", timeout_seconds=60):
    if event["object"].status.available_replicas == 2:
        print("available")
        break
