"""Make the archive that every function is built from: `python -m scripts.package`. The same code, the same bytes."""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

PROJECT = Path(__file__).parent.parent
ARCHIVE = PROJECT / "build" / "package.zip"
FILES = ("main.py", "openapi.yaml", "requirements.txt")
FOLDERS = ("functions", "shared")
# The oldest moment that a zip can name.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_READABLE_FILE = 0o100644 << 16


def write_package(archive: Path, project: Path = PROJECT) -> str:
    """Write what runs, and nothing else, of `project` into `archive` and return the archive's SHA-256.

    Raises SyntaxError for a Python file that cannot be compiled: the builder compiles all of them, and one broken file
    would stop every function's build.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    # Stored and not compressed: two builds of zlib compress differently, and half a megabyte is no burden.
    with ZipFile(archive, "w", ZIP_STORED) as package:
        for path in sorted(_contents(project), key=lambda path: path.relative_to(project).as_posix()):
            content = path.read_bytes()
            name = path.relative_to(project).as_posix()
            if path.suffix == ".py":
                compile(content, name, "exec", dont_inherit=True)
            package.writestr(_entry(name), content)
    return sha256(archive.read_bytes()).hexdigest()


def _contents(project: Path) -> Iterator[Path]:
    for name in FILES:
        yield project / name
    for folder in FOLDERS:
        for path in (project / folder).rglob("*"):
            parts = path.relative_to(project).parts
            is_left_over = path.suffix == ".pyc" or any(part.startswith(".") or part == "__pycache__" for part in parts)
            if path.is_file() and not is_left_over:
                yield path


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, _MOMENT)
    entry.create_system = _UNIX
    entry.external_attr = _READABLE_FILE
    return entry


def main() -> None:
    """Write build/package.zip and say what it is."""
    digest = write_package(ARCHIVE)
    print(f"package  {ARCHIVE.relative_to(PROJECT)}  {ARCHIVE.stat().st_size / 1000:.0f} kB  sha256 {digest}")


if __name__ == "__main__":
    main()
