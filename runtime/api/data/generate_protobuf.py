#!/usr/bin/env python3
"""Makes `protobuf.txt` from Kubernetes' generated.proto files.

    generate_protobuf.py KUBERNETES/staging/src/k8s.io

Each message that a body of a request can hold, with the numbers of its fields, as `server/protobuf` reads it:

    message io.k8s.api.core.v1.ConfigMap
    1 metadata io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta
    2 data map string
    4 immutable ?bool

`*` before a type says that there are many; `?` that zero is a value, because the field is a pointer in Go; `inline`
that the fields of the message stand in the object itself.
"""

import pathlib
import re
import sys

PACKAGES = {
    "api/core/v1", "api/apps/v1", "api/batch/v1", "api/coordination/v1", "api/discovery/v1", "api/node/v1",
    "api/policy/v1", "api/authentication/v1", "api/authorization/v1", "api/events/v1", "api/autoscaling/v1",
    "apimachinery/pkg/api/resource", "apimachinery/pkg/apis/meta/v1", "apimachinery/pkg/runtime",
    "apimachinery/pkg/util/intstr",
}
ROOTS = [
    "api.core.v1." + kind for kind in (
        "Binding ConfigMap Endpoints Event Namespace Node Pod PodTemplate ReplicationController Secret ServiceAccount "
        "Service").split()
] + [
    "api.apps.v1." + kind for kind in "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet".split()
] + [
    "api.batch.v1.CronJob", "api.batch.v1.Job", "api.coordination.v1.Lease", "api.discovery.v1.EndpointSlice",
    "api.node.v1.RuntimeClass", "api.policy.v1.Eviction", "api.events.v1.Event", "api.autoscaling.v1.Scale",
    "api.authentication.v1.TokenRequest", "api.authentication.v1.TokenReview",
    "api.authentication.v1.SelfSubjectReview", "api.authorization.v1.SelfSubjectAccessReview",
    "api.authorization.v1.SelfSubjectRulesReview", "api.authorization.v1.SubjectAccessReview",
    "api.authorization.v1.LocalSubjectAccessReview", "apimachinery.pkg.apis.meta.v1.DeleteOptions",
]
# What these are in JSON is written in server/protobuf.
SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity", "io.k8s.apimachinery.pkg.apis.meta.v1.Time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime", "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
    "io.k8s.apimachinery.pkg.runtime.RawExtension", "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
}
INTEGERS = {"int32", "int64", "uint32", "uint64"}


def go_fields(folder):
    """Of each struct: the name of each field in protobuf, whether it is a pointer, and whether it is inline."""
    found = {}
    for file in sorted(folder.glob("*.go")):
        struct = None
        for line in file.read_text().splitlines():
            if start := re.match(r"type (\w+) struct \{", line):
                struct = start.group(1)
            elif line.startswith("}"):
                struct = None
            elif struct and (field := re.match(
                    r"\s+(?:\w+\s+)?(\S+)\s+`json:\"([^\"]*)\"\s+protobuf:\"([^\"]*)\"", line)):
                kind, json, protobuf = field.groups()
                name = re.search(r"name=(\w+)", protobuf)
                name = name.group(1) if name else kind[0].lower() + kind[1:]
                found[struct, name] = (kind.startswith("*"), json == ",inline", json.split(",")[0])
    return found


def messages(staging):
    all_messages = {}
    for package in sorted(PACKAGES):
        folder = staging / package
        here = "io.k8s." + package.replace("/", ".")
        go = go_fields(folder)
        message = None
        for line in (folder / "generated.proto").read_text().splitlines():
            if start := re.match(r"message (\w+) \{", line):
                message = start.group(1)
                all_messages[f"{here}.{message}"] = []
            elif line.startswith("}"):
                message = None
            elif message and (field := re.match(r"\s+(optional|repeated) (\.?[\w.]+) (\w+) = (\d+);", line)):
                label, kind, name, number = field.groups()
                all_messages[f"{here}.{message}"].append((number, name, label == "repeated", resolve(kind, here), go.get((message, name))))
            elif message and (field := re.match(r"\s+map<string, ([\w.]+)> (\w+) = (\d+);", line)):
                kind, name, number = field.groups()
                all_messages[f"{here}.{message}"].append((number, name, "map", resolve(kind, here), go.get((message, name))))
    return all_messages


def resolve(kind, here):
    if kind in INTEGERS:
        return "int"
    if kind in {"string", "bytes", "bool", "double"}:
        return kind
    kind = kind.lstrip(".")
    return "io." + kind.replace("k8s.io.", "k8s.", 1) if "." in kind else f"{here}.{kind}"


def main(staging):
    known = messages(staging)
    todo, seen, lines = ["io.k8s." + root for root in ROOTS], set(), []
    while todo:
        name = todo.pop(0)
        if name in seen or name in SPECIAL:
            continue
        seen.add(name)
        lines.append(f"message {name}")
        for number, field, many, kind, go in known[name]:
            is_pointer, is_inline, json = go or (False, False, field)
            mark = {True: "*", "map": "map ", False: "?" if is_pointer else ""}[many]
            lines.append(f"{number} {'inline' if is_inline else json or field} {mark}{kind}")
            if "." in kind:
                todo.append(kind)
    (pathlib.Path(__file__).parent / "protobuf.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
