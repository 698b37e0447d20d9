"""An OpenAPI v2 document as the protobuf message `openapi.v2.Document` of gnostic, which kubectl asks for."""

import json


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def block(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def text(field, value):
    return block(field, value.encode()) if value else b""


def flag(field, value):
    return varint(field << 3) + b"\x01" if value else b""


def texts(field, values):
    return b"".join(block(field, value.encode()) for value in values)


def anything(value):
    return text(2, json.dumps(value, separators=(",", ":"), sort_keys=True) + "\n")


def named(field, name, content):
    return block(field, text(1, name) + block(2, content))


def extensions(field, node):
    return b"".join(named(field, key, anything(value)) for key, value in sorted(node.items()) if key.startswith("x-"))


def check(node, known):
    unknown = {key for key in node if not key.startswith("x-")} - set(known)
    assert not unknown, unknown


def schema(node):
    check(node, ["$ref", "format", "description", "default", "required", "type", "items", "properties",
                 "additionalProperties"])
    out = text(1, node.get("$ref")) + text(2, node.get("format")) + text(4, node.get("description"))
    if "default" in node:
        out += block(5, anything(node["default"]))
    out += texts(19, node.get("required", []))
    if "additionalProperties" in node:
        out += block(21, block(1, schema(node["additionalProperties"])))
    if "type" in node:
        out += block(22, text(1, node["type"]))
    if "items" in node:
        out += block(23, block(1, schema(node["items"])))
    if "properties" in node:
        out += block(25, b"".join(named(1, key, schema(value)) for key, value in sorted(node["properties"].items())))
    return out + extensions(31, node)


def parameter(node):
    """A `Parameter`."""
    check(node, ["description", "name", "in", "required", "schema", "type", "uniqueItems"])
    if node["in"] == "body":
        body = text(1, node.get("description")) + text(2, node["name"]) + text(3, "body")
        return block(1, body + flag(4, node.get("required")) + block(5, schema(node["schema"])))
    common = flag(1, node.get("required")) + text(2, node["in"]) + text(3, node.get("description"))
    common += text(4, node["name"])
    kind = node["type"]
    if node["in"] == "query":
        return block(2, block(3, common + text(6, kind) + flag(20, node.get("uniqueItems"))))
    assert node["in"] == "path", node
    return block(2, block(4, common + text(5, kind) + flag(19, node.get("uniqueItems"))))


def parameters_item(node):
    if "$ref" in node:
        return block(2, text(1, node["$ref"]))
    return block(1, parameter(node))


def response(node):
    check(node, ["description", "schema"])
    out = text(1, node["description"])
    if "schema" in node:
        out += block(2, block(1, schema(node["schema"])))
    return block(1, out)


def operation(node):
    check(node, ["tags", "description", "operationId", "produces", "consumes", "parameters", "responses", "schemes"])
    out = texts(1, node.get("tags", [])) + text(3, node.get("description")) + text(5, node.get("operationId"))
    out += texts(6, node.get("produces", [])) + texts(7, node.get("consumes", []))
    out += b"".join(block(8, parameters_item(item)) for item in node.get("parameters", []))
    codes = sorted(node["responses"].items())
    out += block(9, b"".join(named(1, code, response(value)) for code, value in codes))
    return out + texts(10, node.get("schemes", [])) + extensions(13, node)


METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "options": 6, "head": 7, "patch": 8}


def path_item(node):
    check(node, ["parameters", *METHODS])
    out = b"".join(block(METHODS[key], operation(node[key])) for key in METHODS if key in node)
    return out + b"".join(block(9, parameters_item(item)) for item in node.get("parameters", []))


def document(node):
    check(node, ["swagger", "info", "paths", "definitions", "parameters", "security", "securityDefinitions"])
    out = text(1, node["swagger"])
    out += block(2, text(1, node["info"]["title"]) + text(2, node["info"]["version"]))
    out += block(8, b"".join(named(2, path, path_item(item)) for path, item in sorted(node["paths"].items())))
    out += block(9, b"".join(named(1, name, schema(item)) for name, item in sorted(node["definitions"].items())))
    out += block(10, b"".join(named(1, name, parameter(item)) for name, item in sorted(node["parameters"].items())))
    for requirement in node["security"]:
        out += block(12, b"".join(named(1, name, texts(1, scopes)) for name, scopes in requirement.items()))
    for name, item in node["securityDefinitions"].items():
        key = text(1, item["type"]) + text(2, item["name"]) + text(3, item["in"]) + text(4, item["description"])
        out += block(13, named(1, name, block(2, key)))
    return out + extensions(16, node)
