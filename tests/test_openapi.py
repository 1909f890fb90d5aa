"""The document itself: valid, complete, and with the same error codes as the service."""

import re
from collections.abc import Iterator
from typing import Any

import openapi_spec_validator
import pytest
import yaml

from shared.errors import PROBLEMS
from tests.contract import DOCUMENT, PROJECT, operations, resolve, schema_validator

FAMILIES = {"read", "write", "create", "account", "worker", "schedule", "hook", "media"}
# Answered instead of an operation.
OF_NO_OPERATION = {"method_not_allowed"}


def test_it_is_valid_openapi() -> None:
    openapi_spec_validator.validate(DOCUMENT)


def test_it_is_plain_yaml_that_every_reader_knows() -> None:
    text = (PROJECT / "openapi.yaml").read_text()
    assert not [token for token in yaml.scan(text) if isinstance(token, yaml.AliasToken | yaml.AnchorToken)]


def test_every_error_code_of_the_service_is_in_it_and_no_other() -> None:
    assert DOCUMENT["components"]["schemas"]["ErrorCode"]["enum"] == list(PROBLEMS)


def test_every_error_code_is_documented_where_it_can_happen_under_its_own_status() -> None:
    documented = {(code, int(status)) for _, status, code in _documented_codes()}
    expected = {(code, problem.status) for code, problem in PROBLEMS.items() if code not in OF_NO_OPERATION}
    assert documented == expected


def test_every_error_code_is_used() -> None:
    files = [path for folder in ("functions", "shared", "database") for path in (PROJECT / folder).rglob("*.*")]
    texts = [path.read_text() for path in files if path.suffix in (".py", ".sql") and path.name != "errors.py"]
    unused = [code for code in PROBLEMS if not any(re.search(rf"['\"]{code}['\"]", text) for text in texts)]
    assert not unused


def _documented_codes() -> Iterator[tuple[str, str, str]]:
    for name, operation in operations().items():
        for status, answer in operation["responses"].items():
            schema = resolve(answer).get("content", {}).get("application/json", {}).get("schema", {})
            for part in schema.get("allOf", []):
                for code in part.get("properties", {}).get("error", {}).get("enum", []):
                    yield name, status, code


@pytest.mark.parametrize("name", operations())
def test_every_operation_is_described(name: str) -> None:
    operation = operations()[name]
    assert operation["summary"]
    assert operation["description"].strip()
    assert operation["tags"]
    assert operation["x-family"] in FAMILIES
    assert "500" in operation["responses"]
    assert not {"default"} & set(operation["responses"])


@pytest.mark.parametrize("name", operations())
def test_access_and_signature_are_said_in_openapis_own_words_too(name: str) -> None:
    operation = operations()[name]
    ways = operation["security"]
    signed = {"signatureTimestamp", "signature"} if operation["x-signed"] else set()
    expected = {
        "none": [],
        "optional": [signed, signed | {"accessToken"}],
        "user": [signed | {"accessToken"}],
        "account": [signed | {"accessToken"}],
        "task": [{"taskToken"}],
    }
    if operation["x-access"] != "hook":
        assert [set(way) for way in ways] == expected[operation["x-access"]]


def test_every_example_keeps_its_schema() -> None:
    examples = list(_examples(DOCUMENT))
    assert examples
    for schema, example in examples:
        schema_validator(schema).validate(example)


def _examples(node: Any) -> Iterator[tuple[dict[str, Any], Any]]:
    if isinstance(node, dict):
        if "schema" in node and "example" in node:
            yield node["schema"], node["example"]
        for example in node.get("examples", {}).values() if "schema" in node else []:
            yield node["schema"], example["value"]
        for child in node.values():
            yield from _examples(child)
    elif isinstance(node, list):
        for child in node:
            yield from _examples(child)
