"""GET /docs: the contract as a page to read and to try, with its viewer inside."""

from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from shared.answers import Answer
from shared.call import Call
from shared.endpoint import endpoint

# RapiDoc and its licences; scripts/update_docs_viewer.py brings them.
ASSETS = Path(__file__).parent / "assets"


@endpoint("GET", "/docs", access="none", signed=False)
def docs_page(call: Call) -> Answer:  # noqa: ARG001 - a route takes its call, also one that needs nothing of it
    """Answer the page. It loads this service's openapi.yaml and nothing from any other host."""
    page, policy = _page()
    headers = {"Cache-Control": "public, max-age=300", "Content-Security-Policy": policy}
    return Answer(page, headers=headers, content_type="text/html; charset=utf-8")


@lru_cache(maxsize=1)
def _page() -> tuple[str, str]:
    """Return the page and the policy that lets just its one script run, told by the script's hash."""
    viewer = (ASSETS / "rapidoc.js").read_text("utf-8")
    page = (ASSETS / "page.html").read_text("utf-8").replace("{{ viewer }}", viewer)
    script_hash = b64encode(sha256(viewer.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{script_hash}'; style-src 'unsafe-inline'; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy
