"""The Terraform configuration, read with python-hcl2 for the tests: without quotes, comments and its own markers."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

from scripts.terraform_tables import FOLDER

_OWN_MARKERS = ("__comments__", "__inline_comments__", "__is_block__")


def files(pattern: str) -> list[Path]:
    """Return the files below the configuration's folder, without what Terraform itself keeps there."""
    return [path for path in sorted(FOLDER.rglob(pattern)) if ".terraform" not in path.parts]


@cache
def parse(path: Path) -> Any:
    """Return a file's content."""
    return _clean(hcl2.loads(path.read_text()))


def resources(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and content of every resource of a type, in the configuration and its modules."""
    for path in files("*.tf"):
        for block in parse(path).get("resource", []):
            yield from block.get(kind, {}).items()


def resource_kinds() -> set[str]:
    """Return the types of all resources."""
    return {kind for path in files("*.tf") for block in parse(path).get("resource", []) for kind in block}


def local(name: str) -> Any:
    """Return a local value: an expression is its text, a literal what it says."""
    values = [block[name] for path in files("*.tf") for block in parse(path).get("locals", []) if name in block]
    assert len(values) == 1, name
    return values[0]


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {_clean(key): _clean(each) for key, each in value.items() if key not in _OWN_MARKERS}
    if isinstance(value, list):
        return [_clean(each) for each in value]
    if isinstance(value, str) and len(value) > 1 and value[0] == value[-1] == '"':
        return value[1:-1]
    return value
