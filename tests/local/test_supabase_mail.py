import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit

import httpx
import jwt
import pytest

from tests.local.supabase_server import Clock, running_twin

PERSON = {"email": "ada@example.com", "password": "correct horse"}
APPLICATION = {"redirect_to": "http://localhost:3000/account"}
CODE_VERIFIER = "a-code-verifier-that-has-at-least-forty-three-characters"


@pytest.fixture
def clock() -> Clock:
    return Clock(time.time())


@pytest.fixture
def mails() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def auth(tmp_path: Path, clock: Clock, mails: list[tuple[str, str]]) -> Iterator[httpx.Client]:
    def deliver(email: str, link: str) -> None:
        mails.append((email, link))

    with (
        running_twin(tmp_path, None, clock, deliver=deliver) as origin,
        httpx.Client(base_url=f"{origin}/auth/v1") as client,
    ):
        yield client


def follow(auth: httpx.Client, link: str) -> SplitResult:
    answer = auth.get(link)
    assert answer.status_code == 303
    return urlsplit(answer.headers["location"])


def test_a_recovery_link_signs_in_once_to_set_a_new_password(auth: httpx.Client, mails: list[tuple[str, str]]) -> None:
    auth.post("/signup", json=PERSON)
    assert auth.post("/recover", params=APPLICATION, json={"email": "Ada@example.com"}).json() == {}
    ((email, link),) = mails
    assert email == "ada@example.com"
    fragment = parse_qs(follow(auth, link).fragment)
    assert fragment["type"] == ["recovery"]
    token = fragment["access_token"][0]
    assert jwt.decode(token, options={"verify_signature": False})["amr"][0]["method"] == "otp"
    body = {"password": "a new password"}
    assert auth.put("/user", json=body, headers={"Authorization": f"Bearer {token}"}).status_code == 200
    again = follow(auth, link)
    assert again.netloc == "localhost:3000"
    assert parse_qs(again.query)["error_code"] == parse_qs(again.fragment)["error_code"] == ["otp_expired"]


def test_nobody_learns_who_exists_from_a_lost_password(auth: httpx.Client, mails: list[tuple[str, str]]) -> None:
    answer = auth.post("/recover", json={"email": "nobody@example.com"})
    assert (answer.status_code, answer.json(), mails) == (200, {}, [])
    assert auth.post("/recover", json={}).json()["msg"] == "An email address is required"


def test_a_magic_link_makes_a_new_person_and_ends_with_a_code(
    auth: httpx.Client, mails: list[tuple[str, str]], clock: Clock
) -> None:
    body = {"email": "ada@example.com", "data": {"username": "ada"}}
    challenge = {"code_challenge": CODE_VERIFIER, "code_challenge_method": "plain"}
    assert auth.post("/otp", params=APPLICATION, json=body | challenge).json() == {}
    clock.advance(3000)
    code = parse_qs(follow(auth, mails[0][1]).query)["code"][0]
    answer = auth.post(
        "/token", params={"grant_type": "pkce"}, json={"auth_code": code, "code_verifier": CODE_VERIFIER}
    )
    user = answer.json()["user"]
    assert (user["email"], user["user_metadata"]["username"]) == ("ada@example.com", "ada")
    auth.post("/otp", json=body)
    signed_in = parse_qs(follow(auth, mails[1][1]).fragment)
    assert signed_in["type"] == ["magiclink"]


def test_a_link_lasts_an_hour(auth: httpx.Client, mails: list[tuple[str, str]], clock: Clock) -> None:
    auth.post("/otp", json={"email": "ada@example.com"})
    clock.advance(3601)
    assert parse_qs(follow(auth, mails[0][1]).query)["error_code"] == ["otp_expired"]


def test_the_two_kinds_of_unfinished_sign_in_do_not_open_each_other(
    auth: httpx.Client, mails: list[tuple[str, str]]
) -> None:
    auth.post("/otp", json={"email": "ada@example.com"})
    token = parse_qs(urlsplit(mails[0][1]).query)["token"][0]
    assert auth.get("/provider", params={"state": token}).json()["error_code"] == "bad_oauth_state"
    started = auth.get("/authorize", params={"provider": "google"})
    state = parse_qs(urlsplit(started.headers["location"]).query)["state"][0]
    assert "access_token" not in follow(auth, f"/verify?token={state}").fragment


def test_a_caller_may_forbid_new_people_and_phones_are_unknown(
    auth: httpx.Client, mails: list[tuple[str, str]]
) -> None:
    answer = auth.post("/otp", json={"email": "nobody@example.com", "create_user": False})
    assert (answer.status_code, answer.json()["error_code"]) == (422, "otp_disabled")
    assert auth.post("/otp", json={"phone": "123456"}).json()["error_code"] == "phone_provider_disabled"
    assert mails == []
