"""Whatever openapi.yaml allows, and whatever it does not, sent to every route: no crash, no undocumented answer.

Schemathesis makes the requests, always the same ones, and judges the answers. They pass through what the frontend's
proxy does: it signs each request exactly as it is sent.
"""

import copy
import io
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import negative_data_rejection
from schemathesis.config import SchemathesisConfig

from local.gateway import Gateway, read_operations
from tests.api import Person, signature
from tests.contract import DOCUMENT
from tests.rows import make_profile, run

# The ids that the document has as examples: they are tried first, and then there is something to be found.
ADA = Person("ada", id=UUID("0b6a7d1e-52c4-4c8e-8f10-0a4f6b7f9c21"))
VIDEO_ID = UUID("3f8a1c52-7d0e-4b57-9a43-5f0f8f0c2f11")
HOOK_SECRET = "a-test-secret-for-hooks"
SUPABASE_URL = "https://project.supabase.co"
NOWHERE = "http://127.0.0.1:9"
EXAMPLES = 20
CONFIG = SchemathesisConfig.from_dict(
    {
        "seed": 1,
        "generation": {"deterministic": True, "database": "none", "max-examples": EXAMPLES},
        "checks": {
            # A well-formed cursor, redirect or operation may still be nobody's, and a well-formed id name nothing.
            "positive_data_acceptance": {"expected-statuses": ["2xx", "304", "400", "403", "404", "409", "422"]},
        },
    }
)


class Proxy:
    """What stands between the frontend and the service, and an allowance that never ends."""

    def __init__(self) -> None:
        self._gateway = Gateway(read_operations())

    def __call__(self, environment: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        body = environment["wsgi.input"].read(int(environment.get("CONTENT_LENGTH") or 0))
        environment["wsgi.input"] = io.BytesIO(body)
        signed = signature(environment["REQUEST_METHOD"], environment["PATH_INFO"], body)
        for name, value in signed.items():
            environment[f"HTTP_{name.upper().replace('-', '_')}"] = value
        run("DELETE FROM rate_limits")
        return self._gateway(environment, start_response)


def _behind_the_proxy() -> dict[str, Any]:
    """The document as the proxy's callers see it: it signs, and nobody but the platform reaches the tasks."""
    document = copy.deepcopy(DOCUMENT)
    for path, item in document["paths"].items():
        for operation in item.values():
            if isinstance(operation, dict):
                operation["security"] = [] if path.startswith("/tasks/") else _unsigned(operation["security"])
    return document


def _unsigned(ways: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: way[name] for name in way if name in ("accessToken", "hookSecret")}
        for way in ways
        if "webhookId" not in way
    ]


SCHEMA = schemathesis.openapi.from_dict(_behind_the_proxy(), config=CONFIG)
SCHEMA.app = Proxy()


# Not kept: the hook has a secret of its own.
@SCHEMA.auth(refresh_interval=None)
class Token:
    """Everybody's credentials are good: the check `ignored_auth` takes them away again."""

    def get(self, case: schemathesis.Case[Any], context: schemathesis.AuthContext) -> str:
        return HOOK_SECRET if case.operation.path.startswith("/hooks/") else ADA.token(iss=f"{SUPABASE_URL}/auth/v1")

    def set(self, case: schemathesis.Case[Any], data: str, context: schemathesis.AuthContext) -> None:
        case.headers["Authorization"] = f"Bearer {data}"


@pytest.fixture
def service(environment: None, configure: Callable[..., None]) -> None:
    """A service with the document's example rows in it, and a provider that cannot be reached."""
    configure(
        SUPABASE_URL=SUPABASE_URL,
        SUPABASE_HOOK_SECRETS=HOOK_SECRET,
        VIDEO_QUEUE_MAXSIZE="1000000",
        FLOW_ACCESS_TOKEN="token",
        FLOW_PROJECT_ID=str(VIDEO_ID),
        FLOW_API_GENERATE_URL=NOWHERE,
        FLOW_API_STATUS_URL=NOWHERE,
    )
    make_profile(ADA)
    run(
        "INSERT INTO videos (id, user_id, prompt, status, video_url, published_at)"
        " VALUES (CAST(:id AS uuid), CAST(:owner AS uuid), 'a red kite', 'completed', '/media/a.mp4', now())",
        id=VIDEO_ID,
        owner=ADA.id,
    )


@SCHEMA.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
def test_every_answer_is_a_documented_one(case: schemathesis.Case[Any], service: None) -> None:
    answer = case.call()
    # An empty query parameter counts as none, whatever its schema says: OpenAPI has no word for that any more.
    has_empty_parameter = re.search("=(&|$)", urlsplit(answer.request.url or "").query)
    case.validate_response(answer, excluded_checks=[negative_data_rejection] if has_empty_parameter else None)
