"""Write the tables of variables and outputs into infra/terraform/README.md: `python -m scripts.terraform_tables`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2

FOLDER = Path(__file__).parent.parent / "infra" / "terraform"
README = FOLDER / "README.md"
_BEGIN, _END = "<!-- tables: begin -->", "<!-- tables: end -->"


def blocks(file: Path, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the content of every block of a kind that has one label, such as `variable`."""
    for block in hcl2.loads(file.read_text()).get(kind, []):
        for label, content in block.items():
            yield label.strip('"'), content


def tables() -> str:
    """Return the Markdown of both tables."""
    rows = ["| variable | type | default | what |", "|---|---|---|---|"]
    for name, variable in blocks(FOLDER / "variables.tf", "variable"):
        default = f"`{_plain(variable['default'])}`" if "default" in variable else "required"
        rows.append(f"| `{name}` | `{_plain(variable['type'])}` | {default} | {_text(variable['description'])} |")
    rows += ["", "| output | what |", "|---|---|"]
    for name, output in blocks(FOLDER / "outputs.tf", "output"):
        rows.append(f"| `{name}` | {_text(output['description'])} |")
    return "\n".join(rows)


def readme_with(text: str) -> str:
    """Return the README with `text` between its markers."""
    before, _, rest = README.read_text().partition(_BEGIN)
    return f"{before}{_BEGIN}\n{text}\n{_END}{rest.partition(_END)[2]}"


def _text(literal: str) -> str:
    """Return what a quoted HCL text says, fit for a cell of a table."""
    return str(json.loads(literal)).replace("|", "\\|")


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value.removeprefix("${").removesuffix("}")
    return json.dumps(value)


if __name__ == "__main__":
    README.write_text(readme_with(tables()))
