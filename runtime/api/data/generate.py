#!/usr/bin/env python3
"""Makes the files of this folder from Kubernetes' published OpenAPI documents.

    generate.py KUBERNETES/api/openapi-spec

What is not served here is left out: other resources, the deprecated `watch` paths, media types that are not spoken.
Nothing else is changed. `schema.json` says the same types once more, without the prose and in the shape that
`server/schema` reads.
"""

import gzip
import hashlib
import json
import pathlib
import re
import sys

import gnostic
import metrics

SERVED = {
    "api/v1": {
        "configmaps", "endpoints", "events", "namespaces", "nodes", "pods", "podtemplates",
        "replicationcontrollers", "secrets", "serviceaccounts", "services",
    },
    "apis/apps/v1": {"controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets"},
    "apis/authentication.k8s.io/v1": {"selfsubjectreviews", "tokenreviews"},
    "apis/authorization.k8s.io/v1": {
        "localsubjectaccessreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews", "subjectaccessreviews",
    },
    "apis/batch/v1": {"cronjobs", "jobs"},
    "apis/coordination.k8s.io/v1": {"leases"},
    "apis/discovery.k8s.io/v1": {"endpointslices"},
    "apis/node.k8s.io/v1": {"runtimeclasses"},
}
MEDIA_TYPES = {"application/json", "application/yaml", "application/json;stream=watch", "*/*", "text/plain",
               "application/json-patch+json", "application/merge-patch+json",
               "application/strategic-merge-patch+json", "application/apply-patch+yaml"}
HERE = pathlib.Path(__file__).parent


def is_served(path, group_version):
    prefix = f"/{group_version}/"
    if not path.startswith(prefix):
        return False
    rest = path[len(prefix):]
    if not rest:
        return True
    namespaced = re.fullmatch(r"namespaces/\{namespace\}/([^/]+)(/.*)?", rest)
    plural = namespaced.group(1) if namespaced else rest.split("/")[0]
    return plural in SERVED[group_version]


def with_spoken_media(node):
    if isinstance(node, list):
        return [with_spoken_media(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if key == "content":
            value = {media: body for media, body in value.items() if media in MEDIA_TYPES}
        elif key in ("consumes", "produces") and isinstance(value, list):
            value = [media for media in value if media in MEDIA_TYPES]
        kept[key] = with_spoken_media(value)
    return kept


def names_in(node, found):
    if isinstance(node, list):
        for item in node:
            names_in(item, found)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                found.add(value.rsplit("/", 1)[1])
            else:
                names_in(value, found)


def reachable(paths, schemas):
    names, left = set(), set()
    names_in(paths, left)
    while left:
        name = left.pop()
        if name in schemas and name not in names:
            names.add(name)
            names_in(schemas[name], left)
    return {name: schemas[name] for name in sorted(names)}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content, 9, mtime=0))


def compact(document):
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode()


def documents(source):
    """The documents of OpenAPI v3 by the paths of their index."""
    for file in sorted((source / "v3").glob("*_openapi.json")):
        path = file.name.removesuffix("_openapi.json").replace("__", "/")
        groups = {group_version.rsplit("/", 1)[0] for group_version in SERVED}
        if path not in SERVED and path not in groups | {"apis", "version"}:
            continue
        document = json.loads(file.read_text())
        if path in SERVED:
            paths = {url: item for url, item in document["paths"].items() if is_served(url, path)}
            document["paths"] = with_spoken_media(paths)
            if path == "api/v1":
                yield "apis/metrics.k8s.io/v1beta1", pruned(metrics.document(document))
            document = pruned(document)
        else:
            document = with_spoken_media(document)
        yield path, document


def pruned(document):
    schemas = reachable(document["paths"], document["components"]["schemas"])
    return document | {"components": document["components"] | {"schemas": schemas}}


SCALARS = {
    ("string", None): "string",
    ("string", "byte"): "bytes",
    ("string", "date-time"): "time",
    ("boolean", None): "boolean",
    ("integer", "int32"): "int32",
    ("integer", "int64"): "int64",
    ("integer", None): "int64",
    ("number", "double"): "double",
}
SPECIAL = {"Quantity": "quantity", "IntOrString": "intOrString", "MicroTime": "microTime"}


def shape(name, schema):
    """A schema as `server/schema` reads it."""
    made = {}
    if "allOf" in schema:
        (schema_of_reference,) = schema["allOf"]
        made["ref"] = schema_of_reference["$ref"].rsplit("/", 1)[1]
    elif "$ref" in schema:
        made["ref"] = schema["$ref"].rsplit("/", 1)[1]
    elif name.rsplit(".", 1)[-1] in SPECIAL:
        made["scalar"] = SPECIAL[name.rsplit(".", 1)[-1]]
    elif schema.get("properties"):
        made["fields"] = {key: shape("", value) for key, value in sorted(schema["properties"].items())}
        if schema.get("required"):
            made["required"] = sorted(schema["required"])
    elif "additionalProperties" in schema:
        made["values"] = shape("", schema["additionalProperties"])
    elif schema.get("type") == "array":
        made["items"] = shape("", schema["items"])
    elif schema.get("type") in (None, "object"):
        pass
    else:
        made["scalar"] = SCALARS[schema["type"], schema.get("format")]
    if schema.get("x-kubernetes-list-type", "atomic") != "atomic":
        made["list"] = schema["x-kubernetes-list-type"]
    if "x-kubernetes-list-map-keys" in schema:
        made["keys"] = schema["x-kubernetes-list-map-keys"]
    if schema.get("x-kubernetes-map-type") == "atomic":
        made["atomic"] = True
    if "x-kubernetes-patch-strategy" in schema:
        made["strategy"] = schema["x-kubernetes-patch-strategy"].split(",")
    if "x-kubernetes-patch-merge-key" in schema:
        made["mergeKey"] = schema["x-kubernetes-patch-merge-key"]
    if schema.get("default") is not None:
        made["default"] = schema["default"]
    return made


def document_v2(source):
    document = json.loads((source / "swagger.json").read_text())
    paths = document["paths"]
    groups = {f"/{group_version.rsplit('/', 1)[0]}/" for group_version in SERVED} | {"/apis/", "/version/"}
    paths = {path: item for path, item in paths.items()
             if path in groups or any(is_served(path, group_version) for group_version in SERVED)}
    document["paths"] = with_spoken_media(paths)
    parameters = set()
    names_in(document["paths"], parameters)
    document["parameters"] = {name: item for name, item in document["parameters"].items() if name in parameters}
    roots = [document["paths"], document["parameters"]]
    document["definitions"] = reachable(roots, document["definitions"])
    return document


def main(source):
    types, kinds, index = {}, {}, {}
    for path, document in documents(source):
        content = compact(document)
        digest = hashlib.sha512(content).hexdigest().upper()
        name = path.replace("/", "__") + ".json.gz"
        write(HERE / "openapi" / name, content)
        index[path] = digest
        for name, schema in document.get("components", {}).get("schemas", {}).items():
            types[name] = shape(name, schema)
            for kind in schema.get("x-kubernetes-group-version-kind", []):
                key = "/".join(filter(None, [kind["group"], kind["version"], kind["kind"]]))
                if not name.startswith("io.k8s.apimachinery.") or kind["group"] == "":
                    kinds[key] = name
    lines = ['{"kinds":' + json.dumps(kinds, sort_keys=True, separators=(",", ":")) + ',"types":{']
    rows = [json.dumps(name) + ":" + json.dumps(types[name], separators=(",", ":")) for name in sorted(types)]
    lines.append(",\n".join(rows))
    lines.append("}}\n")
    (HERE / "schema.json").write_text("\n".join(lines))
    swagger = document_v2(source)
    write(HERE / "openapi" / "v2.json.gz", compact(swagger))
    write(HERE / "openapi" / "v2.pb.gz", gnostic.document(swagger))
    digests = {"v2": hashlib.sha512(compact(swagger)).hexdigest().upper(), "v3": index}
    (HERE / "openapi" / "index.json").write_text(json.dumps(digests, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
