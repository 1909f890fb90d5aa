"""Every status that openapi.yaml promises can be had, and no other: each operation in every situation it knows.

The client in tests/api.py compares each answer with the document, so asking is testing.
"""

import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.api import Api, Person, Response
from tests.contract import ContractBrokenError, check_answer, operations
from tests.functions.test_hooks_supabase_user import KEY, secret_of, signed
from tests.rows import make_profile, make_video, run

ADA, GRACE, VISITOR = Person("ada"), Person("grace"), Person("visitor", is_anonymous=True)
HOOK_SECRET = "a-test-secret-for-hooks"
BUCKETS = ("create", "reactions", "views", "sync", "profile")
# Needs a fault of ours, or of the disk: tests of their own below, and in tests/shared.
NOT_ASKED_FOR = {500}


class Situation:
    """One operation over a database with a finished video, an unfinished one and two people."""

    def __init__(self, name: str, api: Api, configure: Callable[..., None], media_root: Path) -> None:
        self.operation = operations()[name]
        self.name, self.api, self.configure, self.media_root = name, api, configure, media_root
        self.finished, self.unfinished = make_video(GRACE), make_video(ADA, status="pending")
        make_profile(ADA)

    def ask(self, *, path: str | None = None, query: str = "", **options: Any) -> Response:
        """Ask as a signed-in person would ask for what is there, unless told otherwise."""
        asked: dict[str, Any] = {"by": self.caller(), "body": self.body()}
        return self.api.request(self.operation["method"], (path or self.path()) + query, **(asked | options))

    def caller(self) -> Person | None:
        return None if self.operation["x-access"] in ("none", "task", "hook") else ADA

    def path(self) -> str:
        ids = {
            # An own list with something unfinished in it is not kept by anybody, so has no ETag.
            "users": ADA.id if self.name == "users_update" else GRACE.id,
            "videos": self.unfinished if self.name == "videos_sync_status" else self.finished,
        }
        noun = self.operation["path"].split("/")[1]
        path: str = self.operation["path"].replace("{id}", str(ids.get(noun)))
        return path.replace("{key}", "videos/clip.mp4").replace("{provider}", "google")

    def body(self) -> object:
        bodies: dict[str, object] = {
            "videos_create": {"prompt": "a red kite"},
            "users_update": {"username": "countess"},
            "hooks_supabase_user": {"user": {"id": str(uuid4()), "email": "new@example.com"}},
            "generate_worker": {"jobId": str(uuid4())},
        }
        return bodies.get(self.name)

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {HOOK_SECRET}"} if self.operation["x-access"] == "hook" else {}


@pytest.fixture
def situation(request: pytest.FixtureRequest, api: Api, configure: Callable[..., None], tmp_path: Path) -> Situation:
    configure(SUPABASE_HOOK_SECRETS=HOOK_SECRET, FLOW_ACCESS_TOKEN="token", FLOW_PROJECT_ID=str(uuid4()))
    configure(FLOW_API_GENERATE_URL="http://127.0.0.1:9", FLOW_API_STATUS_URL="http://127.0.0.1:9")
    if request.param == "auth_oauth":
        configure(SUPABASE_URL="https://project.supabase.co")
    (tmp_path / "media" / "videos").mkdir(parents=True)
    (tmp_path / "media" / "videos" / "clip.mp4").write_bytes(b"0123456789")
    return Situation(request.param, api, configure, tmp_path / "media")


@pytest.mark.parametrize("situation", operations(), indirect=True)
def test_every_promised_status_can_be_had(situation: Situation) -> None:
    promised = {int(status) for status in situation.operation["responses"]} - NOT_ASKED_FOR
    answers = [answer.status_code for ask in _asks(situation) for answer in ask(situation)]
    assert set(answers) == promised


Ask = Callable[[Situation], Iterator[Response]]


def _asks(situation: Situation) -> Iterator[Ask]:
    """Choose the situations that this operation can be in; the last one takes the database away."""
    operation = situation.operation
    access, parameters = operation["x-access"], json.dumps(operation.get("parameters", []))
    yield _as_it_should_be
    yield {"user": _no_token, "account": _no_token, "optional": _bad_token}.get(access, _nothing)
    yield _anonymous if access == "account" else _nothing
    yield {"task": _stranger_to_tasks, "hook": _stranger_to_hooks}.get(access, _nothing)
    yield _unsigned if operation["x-signed"] else _nothing
    yield _bad_bodies if operation["method"] != "GET" else _nothing
    yield _nobodys_id if "{id}" in operation["path"] else _nothing
    yield _bad_page if "cursor" in parameters.lower() else _nothing
    yield _asked_again if "304" in operation["responses"] else _nothing
    yield _exhausted if "429" in operation["responses"] else _nothing
    yield SPECIAL.get(situation.name, _nothing)
    yield _without_database


def _nothing(_: Situation) -> Iterator[Response]:
    return iter(())


def _as_it_should_be(situation: Situation) -> Iterator[Response]:
    yield situation.ask(headers=situation.headers())


def _no_token(situation: Situation) -> Iterator[Response]:
    yield situation.ask(by=None)
    yield from _bad_token(situation)


def _bad_token(situation: Situation) -> Iterator[Response]:
    yield situation.ask(by=None, headers={"Authorization": "Bearer nonsense"})
    yield situation.ask(by=None, headers={"Authorization": f"Bearer {ADA.token(exp=1)}"})


def _anonymous(situation: Situation) -> Iterator[Response]:
    yield situation.ask(by=VISITOR)


def _stranger_to_tasks(situation: Situation) -> Iterator[Response]:
    situation.configure(TASK_SERVICE_ACCOUNT="tasks@example.com", TASK_KEYS_URL="http://127.0.0.1:9/")
    yield situation.ask()
    # Google's keys, which this token would be checked by, cannot be had.
    header = base64.urlsafe_b64encode(b'{"alg": "RS256", "kid": "1"}').decode().rstrip("=")
    yield situation.ask(headers={"Authorization": f"Bearer {header}.e30.bm90aGluZw"})
    situation.configure(TASK_SERVICE_ACCOUNT="")


def _stranger_to_hooks(situation: Situation) -> Iterator[Response]:
    yield situation.ask(headers={"Authorization": "Bearer nonsense"})


def _unsigned(situation: Situation) -> Iterator[Response]:
    yield situation.ask(signed=False)
    yield situation.ask(signed=False, headers={"X-InstaVeo-Timestamp": "1", "X-InstaVeo-Signature": "0" * 64})


def _bad_bodies(situation: Situation) -> Iterator[Response]:
    headers = situation.headers()
    yield situation.ask(body=b"{", headers=headers)
    yield situation.ask(body=b"[]", headers=headers)
    yield situation.ask(body=b" " * 65_537, headers=headers)
    yield situation.ask(body=b"<a/>", headers={**headers, "Content-Type": "text/xml"})


def _nobodys_id(situation: Situation) -> Iterator[Response]:
    yield situation.ask(path=situation.operation["path"].replace("{id}", "nobody"))


def _bad_page(situation: Situation) -> Iterator[Response]:
    yield situation.ask(query="?cursor=nonsense")
    yield situation.ask(query="?limit=0")


def _asked_again(situation: Situation) -> Iterator[Response]:
    tag = situation.ask().headers["ETag"]
    yield situation.ask(headers={"If-None-Match": tag})


def _exhausted(situation: Situation) -> Iterator[Response]:
    for bucket in BUCKETS:
        run(
            "INSERT INTO rate_limits (subject, bucket, full_at) VALUES (CAST(:id AS text), CAST(:bucket AS text),"
            " now() + interval '1 day') ON CONFLICT (subject, bucket) DO UPDATE SET full_at = excluded.full_at",
            id=str(ADA.id),
            bucket=bucket,
        )
    yield situation.ask()
    run("DELETE FROM rate_limits")


def _without_database(situation: Situation) -> Iterator[Response]:
    situation.configure(DATABASE_URL="postgresql://nobody@127.0.0.1:9/nothing")
    if {"database_unavailable", "503"} & set(json.dumps(situation.operation["responses"]).split('"')):
        yield situation.ask(headers=situation.headers())


def _unfinished(situation: Situation) -> Iterator[Response]:
    yield situation.ask(path=situation.operation["path"].replace("{id}", str(situation.unfinished)))


def _somebody_elses(situation: Situation) -> Iterator[Response]:
    noun = situation.operation["path"].split("/")[1]
    owned = {"users": GRACE.id, "videos": situation.finished}[noun]
    yield situation.ask(path=situation.operation["path"].replace("{id}", str(owned)))


def _profile(situation: Situation) -> Iterator[Response]:
    yield from _somebody_elses(situation)
    yield situation.ask(body={"username": "grace"})


def _status_sync(situation: Situation) -> Iterator[Response]:
    yield from _somebody_elses(situation)
    taken = make_video(ADA, status="pending")
    name = uuid4().hex
    run("UPDATE video_jobs SET operation_name = :name WHERE video_id = CAST(:id AS uuid)", id=taken, name=name)
    yield situation.ask(body={"operationName": name})


def _media(situation: Situation) -> Iterator[Response]:
    yield situation.ask(headers={"Range": "bytes=0-3"})
    yield situation.ask(headers={"Range": "bytes=99-"})
    yield situation.ask(query="?download=a.mp4&expires=9999999999&signature=nonsense")
    yield situation.ask(path="/media/videos/other.mp4")
    clip = situation.media_root / "videos" / "clip.mp4"
    clip.unlink()
    # A loop of links cannot be read by anybody, whoever asks.
    clip.symlink_to(clip)
    yield situation.ask()


def _sign_in(situation: Situation) -> Iterator[Response]:
    yield situation.ask(path="/auth/oauth/nobody")
    yield situation.ask(query="?redirectTo=https://evil.example/")
    situation.configure(SUPABASE_URL="")
    yield situation.ask()


def _auth_hook(situation: Situation) -> Iterator[Response]:
    situation.configure(SUPABASE_HOOK_SECRETS=f"{HOOK_SECRET}|{secret_of(KEY)}")
    body = json.dumps(situation.body()).encode()
    yield situation.ask(body=body, headers=signed(body))


SPECIAL: dict[str, Ask] = {
    "hooks_supabase_user": _auth_hook,
    "users_top": lambda situation: iter([situation.ask(query="?limit=0")]),
    "videos_like": _unfinished,
    "videos_dislike": _unfinished,
    "videos_unreact": _unfinished,
    "videos_view": _unfinished,
    "videos_download": _unfinished,
    "videos_sync_status": _status_sync,
    "users_update": _profile,
    "media_serve": _media,
    "auth_oauth": _sign_in,
}


def test_a_crash_is_a_500_of_the_common_shape(api: Api) -> None:
    run("ALTER SCHEMA logic RENAME TO gone")
    try:
        answer = api.get("/users/top", by=ADA)
    finally:
        run("ALTER SCHEMA gone RENAME TO logic")
    assert (answer.status_code, answer.json["error"]) == (500, "internal_error")
    assert "logic" not in answer.text


def test_an_answer_that_breaks_the_contract_is_noticed(api: Api) -> None:
    answer = api.get("/videos/feed")
    check_answer("GET", "/videos/feed", answer)
    for path in ("/users/top", "/health", "/docs"):
        with pytest.raises(ContractBrokenError):
            check_answer("GET", path, answer)
