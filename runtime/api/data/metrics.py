"""The document of `metrics.k8s.io/v1beta1`, which metrics-server serves and Kubernetes does not publish.

The types are those of the repository k8s.io/metrics; the paths are made from the ones of pods and nodes.
"""

import json

PREFIX = "io.k8s.metrics.pkg.apis.metrics.v1beta1."
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
SOURCES = {
    "/api/v1/nodes": "Node",
    "/api/v1/nodes/{name}": "Node",
    "/api/v1/pods": "Pod",
    "/api/v1/namespaces/{namespace}/pods": "Pod",
    "/api/v1/namespaces/{namespace}/pods/{name}": "Pod",
}


def reference(name):
    return {"allOf": [{"$ref": f"#/components/schemas/{name}"}], "default": {}}


def usage():
    quantity = "#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity"
    return {"description": "The memory usage is the memory working set.", "type": "object",
            "additionalProperties": {"$ref": quantity}}


def list_of(kind, what):
    return {"description": what, "type": "array", "items": reference(PREFIX + kind), "x-kubernetes-list-type": "atomic"}


def kind(name, description, properties, required, core):
    own = {key: core["properties"][key] for key in ("apiVersion", "kind", "metadata")}
    gvk = {"group": "metrics.k8s.io", "kind": name, "version": "v1beta1"}
    return {"description": description, "type": "object", "properties": own | properties, "required": required,
            "x-kubernetes-group-version-kind": [gvk]}


def schemas(core):
    window = {
        "timestamp": reference(META + "Time") | {
            "description": "The following fields define time interval from which metrics were collected from the "
                           "interval [Timestamp-Window, Timestamp]."},
        "window": reference(META + "Duration"),
    }
    pod, pods = core["io.k8s.api.core.v1.Pod"], core["io.k8s.api.core.v1.PodList"]
    containers = list_of("ContainerMetrics", "Metrics for all containers are collected within the same time window.")
    return {
        META + "Duration": {
            "description": "Duration is a wrapper around time.Duration which supports correct marshaling to YAML and "
                           "JSON.", "type": "string"},
        PREFIX + "ContainerMetrics": {
            "description": "ContainerMetrics sets resource usage metrics of a container.", "type": "object",
            "properties": {
                "name": {"description": "Container name corresponding to the one from pod.spec.containers.",
                         "type": "string", "default": ""},
                "usage": usage()},
            "required": ["name", "usage"]},
        PREFIX + "NodeMetrics": kind("NodeMetrics", "NodeMetrics sets resource usage metrics of a node.",
                                     window | {"usage": usage()}, ["timestamp", "window", "usage"], pod),
        PREFIX + "PodMetrics": kind("PodMetrics", "PodMetrics sets resource usage metrics of a pod.",
                                    window | {"containers": containers}, ["timestamp", "window", "containers"], pod),
        PREFIX + "NodeMetricsList": kind("NodeMetricsList", "NodeMetricsList is a list of NodeMetrics.",
                                         {"items": list_of("NodeMetrics", "List of node metrics.")}, ["items"], pods),
        PREFIX + "PodMetricsList": kind("PodMetricsList", "PodMetricsList is a list of PodMetrics.",
                                        {"items": list_of("PodMetrics", "List of pod metrics.")}, ["items"], pods),
    }


def document(core):
    """The document, made from the one of `api/v1`."""
    paths = {}
    for path, name in SOURCES.items():
        item = {key: value for key, value in core["paths"][path].items() if key in ("get", "parameters")}
        text = json.dumps(item)
        for old, new in [
            (f"io.k8s.api.core.v1.{name}", f"{PREFIX}{name}Metrics"),
            (f'"group": "", "kind": "{name}", "version": "v1"',
             f'"group": "metrics.k8s.io", "kind": "{name}Metrics", "version": "v1beta1"'),
            ("core_v1", "metrics_v1beta1"),
            ("CoreV1", "MetricsV1beta1"),
            (f"the specified {name}", f"the specified {name}Metrics"),
            (f"kind {name}", f"kind {name}Metrics"),
            (f"name of the {name}", f"name of the {name}Metrics"),
        ]:
            text = text.replace(old, new)
        paths[path.replace("/api/v1/", "/apis/metrics.k8s.io/v1beta1/")] = json.loads(text)
    components = dict(core["components"])
    components["schemas"] = core["components"]["schemas"] | schemas(core["components"]["schemas"])
    return {"openapi": core["openapi"], "info": core["info"], "paths": paths, "components": components}
