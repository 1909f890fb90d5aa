"""GET /openapi.yaml: the contract, as it is deployed."""

from functools import lru_cache
from pathlib import Path

from shared.answers import Answer
from shared.call import Call
from shared.endpoint import endpoint

DOCUMENT = Path(__file__).parent.parent.parent / "openapi.yaml"


@endpoint("GET", "/openapi.yaml", access="none", signed=False)
def docs_openapi(call: Call) -> Answer:  # noqa: ARG001 - a route takes its call, also one that needs nothing of it
    """Answer the document, byte for byte the file in the repository."""
    # Registered by RFC 9512.
    return Answer(_text(), headers={"Cache-Control": "public, max-age=300"}, content_type="application/yaml")


@lru_cache(maxsize=1)
def _text() -> str:
    return DOCUMENT.read_text("utf-8")
