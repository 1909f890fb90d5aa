import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from local.supabase_twin.addresses import redirect_target
from tests.local.supabase_server import Clock, running_twin

CODE_VERIFIER = "a-code-verifier-that-has-at-least-forty-three-characters"
PLAIN_CHALLENGE = {"code_challenge": CODE_VERIFIER, "code_challenge_method": "plain"}
APPLICATION = "http://localhost:3000/callback"


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())


@pytest.fixture
def auth(tmp_path: Path, clock: Clock) -> Iterator[httpx.Client]:
    with running_twin(tmp_path, None, clock) as origin, httpx.Client(base_url=f"{origin}/auth/v1") as client:
        yield client


class Page(HTMLParser):
    """What the provider's page holds: fields by name, labels, the form's target, the language."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fields: dict[str, dict[str, str | None]] = {}
        self.labelled: set[str | None] = set()
        self.target = ""
        self.language: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        if tag == "input":
            self.fields[attributes["name"] or ""] = attributes
        elif tag == "label":
            self.labelled.add(attributes["for"])
        elif tag == "form":
            self.target = attributes["action"] or ""
        elif tag == "html":
            self.language = attributes["lang"]


def open_page(auth: httpx.Client, **wanted: str) -> Page:
    answer = auth.get("/authorize", params={"provider": "google", "redirect_to": APPLICATION} | wanted)
    assert answer.status_code == 302
    page = auth.get(httpx.URL(str(auth.base_url)).join(answer.headers["location"]))
    assert page.status_code == 200
    return Page(page.text)


def submit(auth: httpx.Client, page: Page, **changes: str) -> httpx.Response:
    fields = {name: attributes.get("value") or "" for name, attributes in page.fields.items()}
    return auth.post(httpx.URL(str(auth.base_url)).join(page.target), data=fields | changes)


def exchange(auth: httpx.Client, code: str, verifier: str = CODE_VERIFIER) -> httpx.Response:
    body = {"auth_code": code, "code_verifier": verifier}
    return auth.post("/token", params={"grant_type": "pkce"}, json=body)


def code_of(answer: httpx.Response) -> str:
    return parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]


def test_the_page_is_plain_and_accessible(auth: httpx.Client) -> None:
    page = open_page(auth)
    visible = [each for each in page.fields.values() if each.get("type") != "hidden"]
    assert {each["id"] for each in visible} == page.labelled
    assert page.language == "en"


def test_a_plain_challenge_works_and_the_person_is_the_same_next_time(auth: httpx.Client) -> None:
    answers = [exchange(auth, code_of(submit(auth, open_page(auth, **PLAIN_CHALLENGE)))) for _ in range(2)]
    first, second = (each.json()["user"] for each in answers)
    assert first["id"] == second["id"]
    assert len(second["identities"]) == 1
    claims = jwt.decode(answers[0].json()["access_token"], options={"verify_signature": False})
    assert claims["amr"][0]["method"] == "oauth"


def test_a_person_known_by_password_is_linked_and_keeps_their_name(auth: httpx.Client) -> None:
    body = {"email": "demo@example.com", "password": "correct horse", "data": {"username": "ada"}}
    person = auth.post("/signup", json=body).json()["user"]
    linked = exchange(auth, code_of(submit(auth, open_page(auth, **PLAIN_CHALLENGE)))).json()["user"]
    assert linked["id"] == person["id"]
    assert linked["user_metadata"]["username"] == "ada"
    assert [each["provider"] for each in linked["identities"]] == ["email", "google"]


def test_who_came_through_a_provider_has_no_password(auth: httpx.Client) -> None:
    submit(auth, open_page(auth))
    body = {"email": "demo@example.com", "password": ""}
    answer = auth.post("/token", params={"grant_type": "password"}, json=body)
    assert answer.json()["error_code"] == "invalid_credentials"


def test_without_a_challenge_the_tokens_are_in_the_address(auth: httpx.Client) -> None:
    answer = submit(auth, open_page(auth), email="Ada@Example.com", name="<b>Ada</b>")
    assert answer.status_code == 303
    tokens = parse_qs(urlsplit(answer.headers["location"]).fragment)
    assert tokens.keys() == {"access_token", "expires_at", "expires_in", "refresh_token", "token_type"}
    user = auth.get("/user", headers={"Authorization": f"Bearer {tokens['access_token'][0]}"}).json()
    assert (user["email"], user["user_metadata"]["full_name"]) == ("ada@example.com", "<b>Ada</b>")


def test_cancelling_goes_back_with_the_reason(auth: httpx.Client) -> None:
    page = open_page(auth)
    location = urlsplit(submit(auth, page, action="cancel").headers["location"])
    assert parse_qs(location.query)["error"] == parse_qs(location.fragment)["error"] == ["access_denied"]
    assert submit(auth, page).json()["error_code"] == "bad_oauth_state"


def test_a_page_is_good_for_one_answer_and_for_five_minutes(auth: httpx.Client, clock: Clock) -> None:
    for challenge in ({}, PLAIN_CHALLENGE):
        page = open_page(auth, **challenge)
        assert submit(auth, page).status_code == 303
        assert submit(auth, page).json()["error_code"] == "bad_oauth_state"
    page = open_page(auth)
    clock.advance(301)
    assert submit(auth, page).json()["error_code"] == "bad_oauth_state"


def test_a_code_lasts_five_minutes(auth: httpx.Client, clock: Clock) -> None:
    code = code_of(submit(auth, open_page(auth, **PLAIN_CHALLENGE)))
    wrong = exchange(auth, code, "b" * 43)
    assert (wrong.status_code, wrong.json()["error_code"]) == (400, "bad_code_verifier")
    clock.advance(301)
    late = exchange(auth, code)
    assert (late.status_code, late.json()["error_code"]) == (403, "flow_state_expired")
    assert exchange(auth, "").json()["error_code"] == "validation_failed"


@pytest.mark.parametrize(
    "wanted",
    [
        {"provider": "nobody"},
        {"provider": ""},
        {"code_challenge": CODE_VERIFIER},
        {"code_challenge_method": "s256"},
        {"code_challenge": "short", "code_challenge_method": "s256"},
        {"code_challenge": "?" * 43, "code_challenge_method": "s256"},
        {"code_challenge": CODE_VERIFIER, "code_challenge_method": "md5"},
    ],
)
def test_an_unusable_request_is_refused(auth: httpx.Client, wanted: dict[str, str]) -> None:
    answer = auth.get("/authorize", params={"provider": "google", "redirect_to": APPLICATION} | wanted)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "validation_failed")


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost:3000/callback?next=%2F",
        "https://127.0.0.1/",
        "http://[::1]:3000/",
        "https://twin.example.org/welcome",
    ],
)
def test_browsers_are_sent_to_this_machine_or_the_public_host(target: str) -> None:
    assert redirect_target(target, "https://twin.example.org") == target


@pytest.mark.parametrize(
    "target",
    [
        "",
        "/callback",
        "//evil.example.com/",
        "https://evil.example.com/",
        "https://localhost.evil.example.com/",
        "https://localhost@evil.example.com/",
        "https://evil.example.com@localhost/",
        "https://evil.example.com\\@localhost/",
        "https://localhost\n.evil.example.com/",
        "javascript://localhost/%0aalert(1)",
        "http://[::1/",
    ],
)
def test_browsers_are_sent_nowhere_else(target: str) -> None:
    assert redirect_target(target, "http://localhost:8000") == "http://localhost:8000"
