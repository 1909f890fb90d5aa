"""The rules of the house that nobody has to remember, because a test does."""

import ast
import importlib
import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest

import main
from shared.config import Settings, read_settings
from shared.endpoint import Route
from tests.contract import operations

PROJECT = Path(__file__).parent.parent
ROUTE_FILES = sorted(path for path in (PROJECT / "functions").rglob("*.py") if path.name != "__init__.py")
DEPLOYED = [PROJECT / "main.py", *ROUTE_FILES, *sorted((PROJECT / "shared").rglob("*.py"))]
OUR_PACKAGES = {"main", "functions", "shared", "database", "local", "scripts", "tests", "benchmarks"}
# Who may import whom, besides a package itself. main's own imports of functions are names in a table.
MAY_IMPORT = {
    "main": {"shared"},
    "functions": {"shared"},
    "shared": {"shared"},
    "database": {"database", "shared"},
    "local": {"local", "database", "shared"},
    "scripts": {"scripts", "local", "database", "shared"},
}
LAZY_ONLY = {"google", "grpc", "jwt", "requests", "cryptography"}
ROUTE_FILE_LINES, SHARED_FILE_LINES = 130, 300


def test_door_files_decorators_and_contract_name_the_same_routes() -> None:
    documented = {
        (name, each["method"], each["path"], each["x-access"], each["x-signed"]) for name, each in operations().items()
    }
    written = {
        (route.name, route.method, route.path.replace("*}", "}"), route.access, route.signed)
        for route in map(_route, main.ENTRY_POINTS)
    }
    assert written == documented
    assert {PROJECT / f"{module.replace('.', '/')}.py" for module in main.ENTRY_POINTS.values()} == set(ROUTE_FILES)


def _route(entry_point: str) -> Route:
    route = getattr(importlib.import_module(main.ENTRY_POINTS[entry_point]), entry_point).route
    assert isinstance(route, Route)
    return route


@pytest.mark.parametrize("entry_point", main.ENTRY_POINTS)
def test_an_entry_point_is_named_after_its_folder_and_file(entry_point: str) -> None:
    _, folder, file = main.ENTRY_POINTS[entry_point].split(".")
    # The folder generate_worker is a given name, and the entry point with it.
    assert entry_point == ("generate_worker" if folder == "generate_worker" else f"{folder}_{file}")


@pytest.mark.parametrize("entry_point", main.ENTRY_POINTS)
def test_a_route_file_begins_with_its_method_and_path(entry_point: str) -> None:
    module = importlib.import_module(main.ENTRY_POINTS[entry_point])
    first_line = str(module.__doc__).partition("\n")[0]
    said = re.match(r"([A-Z]+) (/[^ ?]*[^ ?:])", first_line)
    route = _route(entry_point)
    assert said, first_line
    assert said.groups() == (route.method, route.path.replace("*}", "}"))


@pytest.mark.parametrize("path", ROUTE_FILES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_a_route_file_has_one_route(path: Path) -> None:
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    decorated = [function.name for function in functions if function.decorator_list]
    assert len([name for name in decorated if name in main.ENTRY_POINTS]) == 1, decorated


def test_imports_point_one_way() -> None:
    wrong = [
        f"{path.relative_to(PROJECT)} imports {module}"
        for path in _python_files(*MAY_IMPORT)
        for module in _imports(ast.parse(path.read_text()))
        if module.partition(".")[0] in OUR_PACKAGES - MAY_IMPORT[path.relative_to(PROJECT).parts[0].removesuffix(".py")]
    ]
    assert not wrong


def test_heavy_packages_are_imported_only_where_they_are_used() -> None:
    wrong = [
        f"{path.relative_to(PROJECT)} imports {module} at its top"
        for path in DEPLOYED
        for statement in ast.parse(path.read_text()).body
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef) and not _is_for_types_only(statement)
        for module in _imports(statement)
        if module.partition(".")[0] in LAZY_ONLY
    ]
    assert not wrong


def _is_for_types_only(statement: ast.stmt) -> bool:
    return (isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING") or _is_definition(
        statement
    )


def _is_definition(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.FunctionDef | ast.ClassDef)


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        path.relative_to(PROJECT).as_posix()
        for path in _python_files("main", "functions", "shared", "database")
        # A request's environ is WSGI's word for its headers.
        if re.search(r"(?<!request\.)\benviron\b|\bgetenv\b", _code_without_texts(path))
    }
    assert readers == {"shared/config.py"}


def _code_without_texts(path: Path) -> str:
    tree = ast.parse(path.read_text())
    names = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return " ".join(names + [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)])


def _python_files(*packages: str) -> Iterator[Path]:
    for package in packages:
        yield from [PROJECT / "main.py"] if package == "main" else sorted((PROJECT / package).rglob("*.py"))


def _imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are written in full"
            yield node.module or ""


@pytest.mark.parametrize("path", DEPLOYED, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_files_stay_small(path: Path) -> None:
    limit = SHARED_FILE_LINES if "shared" in path.relative_to(PROJECT).parts else ROUTE_FILE_LINES
    assert len(path.read_text().splitlines()) <= limit


def test_init_files_of_what_is_deployed_are_empty() -> None:
    full = [path for path in _python_files("functions", "shared") if path.name == "__init__.py" and path.read_text()]
    assert not full


# Each is commented out: whoever sources the file sets what they have chosen, and nothing else.
EXAMPLE = re.compile(r"#([A-Z][A-Z0-9_]*)=(.*)")


def test_the_example_environment_lists_every_setting_with_its_default_and_no_secret() -> None:
    lines = (PROJECT / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []
    example = {found[1]: found[2] for line in lines if (found := EXAMPLE.fullmatch(line))}
    assert set(example) == {each.metadata["variable"] for each in fields(Settings)}
    assert read_settings(example) == Settings()


def test_every_setting_in_the_example_environment_is_explained() -> None:
    lines = (PROJECT / ".env.example").read_text().splitlines()
    for line_before, line in pairwise(lines):
        if EXAMPLE.fullmatch(line):
            assert re.match(r"# [^-]", line_before), f"{line} has no explanation above it"


def test_every_makefile_target_is_documented() -> None:
    text = (PROJECT / "Makefile").read_text()
    silent = re.findall(r"^([a-z][a-z-]*):(?!.*## \S).*$", text, re.MULTILINE)
    assert not silent


def test_no_file_names_a_machine() -> None:
    # A person's home, this checkout, or an address that packages were fetched from.
    machine = re.compile(rf"/home/\w+/|/Users/\w+/|{re.escape(str(PROJECT))}\b|--(?:extra-)?index-url|--find-links ")
    allowed = {"tests/test_house_rules.py"}
    wrong = [
        f"{path.relative_to(PROJECT)}: {found[0]}"
        for path in _tracked_files()
        if path.relative_to(PROJECT).as_posix() not in allowed
        for found in [machine.search(path.read_text(errors="replace"))]
        if found
    ]
    assert not wrong


def test_lock_files_name_no_registry_but_the_public_one() -> None:
    hosts = {
        host
        for path in _tracked_files()
        if path.name == "package-lock.json"
        for host in re.findall(r'"resolved": "https?://([^/"]+)', path.read_text())
    }
    assert hosts <= {"registry.npmjs.org"}


def _tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return [PROJECT / name for name in listed.stdout.splitlines() if (PROJECT / name).is_file()]
