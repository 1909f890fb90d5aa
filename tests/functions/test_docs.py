"""GET /docs and GET /openapi.yaml."""

import hashlib
import re
from base64 import b64encode
from pathlib import Path

import pytest

from tests.api import Api

PROJECT = Path(__file__).parent.parent.parent


def test_the_document_is_the_repositorys_own_byte_for_byte(api: Api) -> None:
    answer = api.get("/openapi.yaml")
    assert (answer.status_code, answer.mimetype) == (200, "application/yaml")
    assert answer.data == (PROJECT / "openapi.yaml").read_bytes()


def test_the_page_may_run_its_one_script_and_load_from_its_own_host_only(api: Api) -> None:
    answer = api.get("/docs")
    scripts = re.findall(r"<script>(.*)</script>", answer.text, re.DOTALL)
    assert len(scripts) == 1
    script_hash = b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == f"'sha256-{script_hash}'"
    assert policy["connect-src"] == "'self'"


@pytest.mark.parametrize("path", ["/docs", "/openapi.yaml"])
def test_both_are_kept_and_asked_for_again_by_their_etag(api: Api, path: str) -> None:
    first = api.get(path)
    assert first.headers["Cache-Control"] == "public, max-age=300"
    again = api.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert api.request("HEAD", path).headers["Content-Length"] == str(len(first.data))


def test_the_viewers_licences_are_kept_beside_it() -> None:
    licences = {path.name for path in (PROJECT / "functions" / "docs" / "assets").glob("LICENSE*")}
    assert licences == {"LICENSE.rapidoc.txt", "LICENSE.libraries.txt"}
