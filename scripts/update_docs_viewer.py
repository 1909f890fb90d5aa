"""Fetch the viewer of the docs page anew: RapiDoc's own bundle, as the npm package ships it, and its licences.

Run `python -m scripts.update_docs_viewer` after changing VERSION, and look at /docs afterwards.
"""

import subprocess
import tarfile
import tempfile
from pathlib import Path

PACKAGE, VERSION = "rapidoc", "9.3.8"
ASSETS = Path(__file__).parent.parent / "functions" / "docs" / "assets"
# The bundle's own licence file names the libraries inside it.
FILES = {
    "package/dist/rapidoc-min.js": "rapidoc.js",
    "package/dist/rapidoc-min.js.LICENSE.txt": "LICENSE.libraries.txt",
    "package/LICENSE.txt": "LICENSE.rapidoc.txt",
}


def main() -> None:
    """Replace the files in functions/docs/assets. Raises CalledProcessError when npm cannot fetch the package."""
    with tempfile.TemporaryDirectory() as folder:
        # An argument list of our own constants, and npm from the PATH as everywhere.
        subprocess.run(["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"], cwd=folder, check=True)  # noqa: S603, S607
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as archive:
            for name, target in FILES.items():
                member = archive.extractfile(name)
                if member is None:
                    raise FileNotFoundError(name)
                (ASSETS / target).write_bytes(member.read())
                print(f"functions/docs/assets/{target}")


if __name__ == "__main__":
    main()
