"""openapi.yaml as a judge: finds the operation of a request and checks an answer against what is promised."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml
from werkzeug.test import TestResponse

PROJECT = Path(__file__).parent.parent
DOCUMENT: dict[str, Any] = yaml.safe_load((PROJECT / "openapi.yaml").read_text())
_METHODS = ("get", "post", "patch", "put", "delete")
# Werkzeug and the edge add these to every answer; the rest must be promised.
_COMMON_HEADERS = {"Content-Type", "Content-Length", "X-Content-Type-Options", "Vary", "Date", "Connection"}
_CORS_HEADERS = {"Access-Control-Allow-Origin", "Access-Control-Expose-Headers"}


class ContractBrokenError(AssertionError):
    """An answer is not what openapi.yaml promises."""


@cache
def operations() -> dict[str, dict[str, Any]]:
    """Return the operations by entry point, each with its `method` and `path`."""
    return {
        operation["operationId"]: {**operation, "method": method.upper(), "path": path}
        for path, item in DOCUMENT["paths"].items()
        for method, operation in item.items()
        if method in _METHODS
    }


def check_answer(method: str, path: str, answer: TestResponse) -> None:
    """Raise ContractBrokenError unless the answer is one that openapi.yaml promises for this request."""
    name = _operation_name(method, path)
    if name is None:
        _check_unrouted(method, answer)
        return
    if method == "OPTIONS":
        return
    promise = operations()[name]["responses"].get(str(answer.status_code))
    if promise is None:
        raise ContractBrokenError(f"{name} answered an undocumented {answer.status_code}: {answer.text[:300]}")
    promise = resolve(promise)
    _check_headers(name, promise.get("headers", {}), answer)
    if method != "HEAD":
        _check_body(name, promise.get("content", {}), answer)


def schema_validator(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    """Return a validator of one schema of the document, in which an object has no other fields than those named."""
    closed = _closed(schema)
    return jsonschema_rs.Draft202012Validator(
        {**closed, "components": {"schemas": _closed_components()}}, validate_formats=True
    )


@cache
def _closed_components() -> dict[str, Any]:
    return {name: _closed_inside(schema) for name, schema in DOCUMENT["components"]["schemas"].items()}


def _closed(schema: Any) -> Any:
    """Return the schema with every object in it closed; where a schema is put together, only the whole is."""
    if not isinstance(schema, dict):
        return schema
    inside = _closed_inside(schema)
    names_its_fields = {"$ref", "properties", "allOf"} & set(schema)
    if names_its_fields and "additionalProperties" not in schema:
        inside["unevaluatedProperties"] = False
    return inside


def _closed_inside(schema: dict[str, Any]) -> dict[str, Any]:
    copy = dict(schema)
    if "properties" in schema:
        copy["properties"] = {name: _closed(each) for name, each in schema["properties"].items()}
    if "items" in schema:
        copy["items"] = _closed(schema["items"])
    if "allOf" in schema:
        copy["allOf"] = [_closed_inside(each) for each in schema["allOf"]]
    return copy


@cache
def _routes() -> list[tuple[str, re.Pattern[str], str]]:
    by_fixed_first = sorted(operations().values(), key=lambda operation: operation["path"].count("{"))
    return [(each["method"], _pattern(each["path"]), each["operationId"]) for each in by_fixed_first]


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", lambda name: ".+" if name[1] == "key" else "[^/]+", re.escape(path)))


def _operation_name(method: str, path: str) -> str | None:
    wanted = "GET" if method == "HEAD" else method
    here = [(pattern, verb, name) for verb, pattern, name in _routes() if pattern.fullmatch(path)]
    for pattern, verb, name in here:
        if pattern == here[0][0] and wanted in (verb, "OPTIONS"):
            return name
    return None


def _check_unrouted(method: str, answer: TestResponse) -> None:
    if answer.status_code not in (404, 405):
        raise ContractBrokenError(f"an address without an operation answered {answer.status_code}")
    if method != "HEAD":
        _validate("no operation", {"$ref": "#/components/schemas/Error"}, answer.get_json())


def _check_headers(name: str, promised: dict[str, Any], answer: TestResponse) -> None:
    known = {header.lower() for header in {*promised, *_COMMON_HEADERS, *_CORS_HEADERS}}
    surprising = [header for header in answer.headers.keys() if header.lower() not in known]  # noqa: SIM118 - Headers
    if surprising:
        raise ContractBrokenError(f"{name} {answer.status_code} sent undocumented headers {surprising}")
    for header, reference in promised.items():
        promise = resolve(reference)
        value = answer.headers.get(header)
        if value is None:
            if promise.get("required"):
                raise ContractBrokenError(f"{name} {answer.status_code} sent no {header}")
            continue
        is_number = promise["schema"]["type"] == "integer"
        _validate(f"{name} {header}", promise["schema"], int(value) if is_number and value.isdigit() else value)


def _check_body(name: str, promised: dict[str, Any], answer: TestResponse) -> None:
    if not promised:
        if answer.data:
            raise ContractBrokenError(f"{name} {answer.status_code} must have no body")
        return
    if answer.mimetype not in promised:
        raise ContractBrokenError(f"{name} {answer.status_code} answered {answer.mimetype}")
    if answer.mimetype == "application/json":
        _validate(f"{name} {answer.status_code}", promised[answer.mimetype]["schema"], answer.get_json())


def _validate(what: str, schema: dict[str, Any], value: Any) -> None:
    try:
        _validator(json.dumps(schema)).validate(value)
    except jsonschema_rs.ValidationError as error:
        raise ContractBrokenError(f"{what}: {error}") from error


@cache
def _validator(schema: str) -> jsonschema_rs.Draft202012Validator:
    return schema_validator(json.loads(schema))


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """Return the part of the document that a reference points to, or the node itself."""
    if "$ref" not in node:
        return node
    target: Any = DOCUMENT
    for key in node["$ref"].removeprefix("#/").split("/"):
        target = target[key]
    return resolve(target)
