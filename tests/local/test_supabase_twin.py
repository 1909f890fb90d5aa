import sqlite3
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from local.supabase_twin import anon_key
from tests.local.supabase_server import JWT_SECRET, Clock, running_twin

PERSON = {"email": "ada@example.com", "password": "correct horse"}


@pytest.fixture
def clock() -> Clock:
    # Near the real time, because PyJWT verifies against the real clock.
    return Clock(time.time())


@pytest.fixture
def auth(tmp_path: Path, clock: Clock) -> Iterator[httpx.Client]:
    with running_twin(tmp_path, None, clock) as origin, httpx.Client(base_url=f"{origin}/auth/v1") as client:
        yield client


def sign_up(auth: httpx.Client, **changes: Any) -> dict[str, Any]:
    answer = auth.post("/signup", json=PERSON | changes)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refresh(auth: httpx.Client, token: str) -> httpx.Response:
    return auth.post("/token", params={"grant_type": "refresh_token"}, json={"refresh_token": token})


def bearer(session: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {session['access_token']}"}


def assert_refused(answer: httpx.Response, status: int, code: str, message: str | None = None) -> None:
    assert (answer.status_code, answer.json()["error_code"]) == (status, code), answer.text
    assert answer.json()["code"] == status
    assert answer.headers["x-sb-error-code"] == code
    if message is not None:
        assert answer.json()["msg"] == message


# Tokens and keys


def test_a_token_verifies_with_pyjwt_against_the_published_keys(auth: httpx.Client) -> None:
    session = sign_up(auth, data={"username": "ada"})
    keys = jwt.PyJWKClient(f"{auth.base_url}.well-known/jwks.json")
    key = keys.get_signing_key_from_jwt(session["access_token"])
    issuer = str(auth.base_url).rstrip("/")
    claims = jwt.decode(session["access_token"], key, ["ES256"], audience="authenticated", issuer=issuer)
    assert claims["sub"] == session["user"]["id"]
    assert claims["role"] == "authenticated"
    assert claims["email"] == "ada@example.com"
    assert claims["exp"] - claims["iat"] == session["expires_in"] == 3600
    assert claims["exp"] == session["expires_at"]
    assert claims["user_metadata"]["username"] == "ada"
    assert claims["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert claims["amr"] == [{"method": "password", "timestamp": claims["iat"]}]
    assert (claims["aal"], claims["is_anonymous"]) == ("aal1", False)


def test_with_a_secret_tokens_are_hs256_with_a_key_id_and_no_key_is_published(tmp_path: Path) -> None:
    with running_twin(tmp_path, JWT_SECRET, time.time) as origin, httpx.Client(base_url=f"{origin}/auth/v1") as auth:
        token = sign_up(auth)["access_token"]
        assert auth.get("/.well-known/jwks.json").json() == {"keys": []}
    assert jwt.decode(token, JWT_SECRET, ["HS256"], audience="authenticated")["email"] == "ada@example.com"
    assert jwt.get_unverified_header(token).keys() == {"alg", "kid", "typ"}


def test_keys_people_and_sessions_outlive_a_restart(tmp_path: Path) -> None:
    for start in range(2):
        with running_twin(tmp_path, None, time.time) as origin, httpx.Client(base_url=f"{origin}/auth/v1") as auth:
            keys = auth.get("/.well-known/jwks.json").json()["keys"]
            if start == 0:
                first_keys, session = keys, sign_up(auth)
            assert auth.get("/user", headers=bearer(session)).json()["email"] == "ada@example.com"
            assert refresh(auth, session["refresh_token"]).status_code == 200
    assert keys == first_keys
    assert "d" not in keys[0]


def test_the_kept_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    with running_twin(tmp_path, None, time.time):
        for file in tmp_path.iterdir():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name


def test_the_anon_key_is_stable_and_is_no_access_token(tmp_path: Path) -> None:
    assert anon_key(None).startswith("sb_publishable_")
    key = anon_key(JWT_SECRET)
    assert key == anon_key(JWT_SECRET)
    assert jwt.decode(key, JWT_SECRET, ["HS256"])["role"] == "anon"
    with running_twin(tmp_path, JWT_SECRET, time.time) as origin:
        answer = httpx.get(f"{origin}/auth/v1/user", headers={"Authorization": f"Bearer {key}", "apikey": key})
    assert_refused(answer, 403, "bad_jwt", "invalid claim: missing sub claim")


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", jwt.encode({"sub": "x"}, JWT_SECRET, "HS256")])
def test_a_bad_token_is_refused(auth: httpx.Client, token: str) -> None:
    assert_refused(auth.get("/user", headers={"Authorization": f"Bearer {token}"}), 403, "bad_jwt")


def test_an_expired_token_is_refused_and_a_missing_one_asked_for(auth: httpx.Client, clock: Clock) -> None:
    session = sign_up(auth)
    clock.advance(3600)
    assert_refused(auth.get("/user", headers=bearer(session)), 403, "bad_jwt")
    assert_refused(auth.get("/user"), 401, "no_authorization", "This endpoint requires a valid Bearer token")


# Signing up and in


def test_a_new_person_looks_like_a_supabase_user(auth: httpx.Client) -> None:
    user = sign_up(auth, email="Ada@Example.com", data={"username": "ada"})["user"]
    assert user["email"] == "ada@example.com"
    assert user["aud"] == user["role"] == "authenticated"
    assert user["user_metadata"] == {
        "username": "ada",
        "sub": user["id"],
        "email": "ada@example.com",
        "email_verified": True,
        "phone_verified": False,
    }
    (identity,) = user["identities"]
    assert (identity["provider"], identity["user_id"]) == ("email", user["id"])
    assert user["email_confirmed_at"].endswith("Z")
    assert "password" not in str(user)


def test_the_password_is_kept_as_a_salted_hash(auth: httpx.Client, tmp_path: Path) -> None:
    sign_up(auth)
    sign_up(auth, email="eve@example.com")
    connection = sqlite3.connect(tmp_path / "supabase_twin.sqlite3")
    hashes = {row[0] for row in connection.execute("SELECT password_hash FROM users")}
    connection.close()
    assert len(hashes) == 2
    assert not any(PERSON["password"] in each for each in hashes)


@pytest.mark.parametrize("changes", [{"password": "wrong one"}, {"password": ""}, {"email": "nobody@example.com"}])
def test_a_wrong_password_and_an_unknown_person_get_the_same_answer(
    auth: httpx.Client, changes: dict[str, str]
) -> None:
    sign_up(auth)
    answer = auth.post("/token", params={"grant_type": "password"}, json=PERSON | changes)
    assert answer.json() == {"code": 400, "error_code": "invalid_credentials", "msg": "Invalid login credentials"}
    assert_refused(answer, 400, "invalid_credentials")


def test_newer_clients_get_the_newer_error_form(auth: httpx.Client) -> None:
    version = {"X-Supabase-Api-Version": "2024-01-01"}
    answer = auth.post("/token", params={"grant_type": "password"}, json=PERSON, headers=version)
    assert answer.json() == {"code": "invalid_credentials", "message": "Invalid login credentials"}
    assert answer.headers["x-supabase-api-version"] == "2024-01-01"
    for other in ("2023-12-31", "yesterday", "9999999999"):
        answer = auth.post(
            "/token", params={"grant_type": "password"}, json=PERSON, headers={"X-Supabase-Api-Version": other}
        )
        assert_refused(answer, 400, "invalid_credentials")


def test_a_weak_password_says_why(auth: httpx.Client) -> None:
    answer = auth.post("/signup", json=PERSON | {"password": "short"})
    assert_refused(answer, 422, "weak_password", "Password should be at least 6 characters.")
    assert answer.json()["weak_password"] == {"reasons": ["length"]}


@pytest.mark.parametrize(
    ("body", "status", "code", "message"),
    [
        ({"password": ""}, 400, "validation_failed", "Signup requires a valid password"),
        ({"password": "é" * 40}, 400, "validation_failed", "Password cannot be longer than 72 characters"),
        ({"email": "not an address"}, 400, "validation_failed", "Unable to validate email address: invalid format"),
        ({"email": "a@b\n"}, 400, "validation_failed", "Unable to validate email address: invalid format"),
        ({"email": "a" * 250 + "@b.com"}, 400, "validation_failed", "An email address is too long"),
        ({"email": "", "phone": "123456"}, 400, "phone_provider_disabled", "Phone signups are disabled"),
        ({"email": 5}, 400, "bad_json", None),
        ({"data": []}, 400, "bad_json", None),
    ],
)
def test_an_unusable_sign_up_is_refused(
    auth: httpx.Client, body: dict[str, Any], status: int, code: str, message: str | None
) -> None:
    assert_refused(auth.post("/signup", json=PERSON | body), status, code, message)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"email": NaN}', b"[" * 100_000])
def test_a_body_that_is_no_json_object_is_refused(auth: httpx.Client, content: bytes) -> None:
    assert_refused(auth.post("/signup", content=content), 400, "bad_json")


def test_half_a_surrogate_pair_in_the_metadata_does_no_harm(auth: httpx.Client) -> None:
    content = b'{"email": "ada@example.com", "password": "correct horse", "data": {"username": "a\\ud800\\u0000"}}'
    answer = auth.post("/signup", content=content)
    assert answer.json()["user"]["user_metadata"]["username"] == "a?\0"


def test_an_address_belongs_to_one_person(auth: httpx.Client) -> None:
    sign_up(auth)
    answer = auth.post("/signup", json=PERSON | {"email": "ADA@example.com"})
    assert_refused(answer, 422, "user_already_exists", "User already registered")


def test_of_simultaneous_sign_ups_with_one_address_one_wins(auth: httpx.Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: auth.post("/signup", json=PERSON).status_code, range(8)))
    assert sorted(answers) == [200] + [422] * 7


def test_a_guest_signs_in_and_becomes_a_person(auth: httpx.Client) -> None:
    guest = auth.post("/signup", json={"data": {"username": "visitor"}}).json()
    assert guest["user"]["is_anonymous"]
    assert guest["user"]["email"] == ""
    assert jwt.decode(guest["access_token"], options={"verify_signature": False})["is_anonymous"]
    refused = auth.put("/user", json={"password": "correct horse"}, headers=bearer(guest))
    assert_refused(refused, 422, "validation_failed")
    person = auth.put("/user", json=PERSON, headers=bearer(guest)).json()
    assert (person["id"], person["is_anonymous"]) == (guest["user"]["id"], False)
    assert person["user_metadata"]["username"] == "visitor"
    answer = auth.post("/token", params={"grant_type": "password"}, json=PERSON)
    assert answer.json()["user"]["id"] == guest["user"]["id"]


def test_an_unknown_grant_is_refused(auth: httpx.Client) -> None:
    assert_refused(auth.post("/token", json={}), 400, "invalid_credentials", "unsupported_grant_type")


# Refreshing


def test_a_refresh_token_is_good_for_one_use(auth: httpx.Client, clock: Clock) -> None:
    first = sign_up(auth)
    second = refresh(auth, first["refresh_token"]).json()
    third = refresh(auth, second["refresh_token"]).json()
    assert len({each["refresh_token"] for each in (first, second, third)}) == 3
    ids = [
        jwt.decode(each["access_token"], options={"verify_signature": False})["session_id"] for each in (first, third)
    ]
    assert ids[0] == ids[1]
    clock.advance(10)
    reused = refresh(auth, first["refresh_token"])
    assert_refused(reused, 400, "refresh_token_already_used", "Invalid Refresh Token: Already Used")
    # Whoever stole the first token must not profit, so the whole family is dead.
    assert_refused(refresh(auth, third["refresh_token"]), 400, "refresh_token_already_used")


def test_a_client_that_lost_the_answer_gets_the_same_token_again(auth: httpx.Client, clock: Clock) -> None:
    first = sign_up(auth)
    second = refresh(auth, first["refresh_token"]).json()
    clock.advance(86_400)
    assert refresh(auth, first["refresh_token"]).json()["refresh_token"] == second["refresh_token"]


def test_parallel_tabs_may_refresh_with_one_token_within_the_interval(auth: httpx.Client, clock: Clock) -> None:
    first = sign_up(auth)
    refresh(auth, refresh(auth, first["refresh_token"]).json()["refresh_token"])
    clock.advance(9)
    assert refresh(auth, first["refresh_token"]).status_code == 200


def test_simultaneous_refreshes_of_one_token_agree(auth: httpx.Client) -> None:
    token = sign_up(auth)["refresh_token"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: refresh(auth, token).json()["refresh_token"], range(8)))
    assert len(set(answers)) == 1


def test_an_unknown_refresh_token_is_refused(auth: httpx.Client) -> None:
    answer = refresh(auth, "nosuchtoken0")
    assert_refused(answer, 400, "refresh_token_not_found", "Invalid Refresh Token: Refresh Token Not Found")
    assert_refused(refresh(auth, ""), 400, "validation_failed", "refresh_token required")


# The account


def test_metadata_is_merged_and_null_removes(auth: httpx.Client) -> None:
    session = sign_up(auth, data={"username": "ada", "theme": "dark"})
    user = auth.put("/user", json={"data": {"theme": None, "age": 36}}, headers=bearer(session)).json()
    assert user["user_metadata"]["username"] == "ada"
    assert user["user_metadata"]["age"] == 36
    assert "theme" not in user["user_metadata"]


def test_a_new_password_signs_out_the_other_sessions(auth: httpx.Client) -> None:
    first, body = sign_up(auth), {"password": "a new password"}
    second = auth.post("/token", params={"grant_type": "password"}, json=PERSON).json()
    same = auth.put("/user", json={"password": PERSON["password"]}, headers=bearer(first))
    assert_refused(same, 422, "same_password", "New password should be different from the old password.")
    assert_refused(auth.put("/user", json={"password": "short"}, headers=bearer(first)), 422, "weak_password")
    assert auth.put("/user", json=body, headers=bearer(first)).status_code == 200
    assert auth.get("/user", headers=bearer(first)).status_code == 200
    assert_refused(auth.get("/user", headers=bearer(second)), 403, "session_not_found")
    assert_refused(auth.post("/token", params={"grant_type": "password"}, json=PERSON), 400, "invalid_credentials")
    assert auth.post("/token", params={"grant_type": "password"}, json=PERSON | body).status_code == 200


def test_a_taken_address_cannot_be_moved_to(auth: httpx.Client) -> None:
    sign_up(auth, email="eve@example.com")
    session = sign_up(auth)
    answer = auth.put("/user", json={"email": "eve@example.com"}, headers=bearer(session))
    assert_refused(answer, 422, "email_exists", "A user with this email address has already been registered")
    moved = auth.put("/user", json={"email": "Lovelace@example.com"}, headers=bearer(session)).json()
    assert (moved["email"], len(moved["identities"])) == ("lovelace@example.com", 1)


def test_nobody_gives_themselves_rights(auth: httpx.Client) -> None:
    answer = auth.put("/user", json={"app_metadata": {"admin": True}}, headers=bearer(sign_up(auth)))
    assert_refused(answer, 403, "not_admin")


@pytest.mark.parametrize(
    ("scope", "alive"), [("global", [False, False]), ("local", [False, True]), ("others", [True, False])]
)
def test_sign_out_ends_the_sessions_of_its_scope(auth: httpx.Client, scope: str, alive: list[bool]) -> None:
    here = sign_up(auth)
    elsewhere = auth.post("/token", params={"grant_type": "password"}, json=PERSON).json()
    stranger = sign_up(auth, email="eve@example.com")
    answer = auth.post("/logout", params={"scope": scope}, headers=bearer(here))
    assert (answer.status_code, answer.content) == (204, b"")
    sessions = [here, elsewhere]
    assert [auth.get("/user", headers=bearer(each)).status_code == 200 for each in sessions] == alive
    assert [refresh(auth, each["refresh_token"]).status_code == 200 for each in sessions] == alive
    assert auth.get("/user", headers=bearer(stranger)).status_code == 200


def test_an_unknown_scope_is_refused(auth: httpx.Client) -> None:
    answer = auth.post("/logout", params={"scope": "mine"}, headers=bearer(sign_up(auth)))
    assert_refused(answer, 400, "validation_failed", 'Unsupported logout scope "mine"')


# The service itself


def test_a_browser_is_allowed_from_any_origin(auth: httpx.Client) -> None:
    wanted = {
        "Origin": "http://localhost:3000",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "apikey,authorization,content-type,x-client-info,x-supabase-api-version",
    }
    preflight = auth.options("/token", headers=wanted)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-headers"] == wanted["Access-Control-Request-Headers"]
    for answer in (preflight, auth.get("/user"), auth.get("/nowhere"), auth.get("/settings")):
        assert answer.headers["access-control-allow-origin"] == "*"
    assert "X-Supabase-Api-Version" in preflight.headers["access-control-expose-headers"]


def test_settings_and_health(auth: httpx.Client) -> None:
    external = auth.get("/settings").json()["external"]
    assert external["google"]
    assert external["anonymous_users"]
    assert not external["phone"]
    assert auth.get("/health").json()["name"] == "GoTrue"


def test_every_error_is_json(auth: httpx.Client) -> None:
    assert_refused(auth.get("/factors"), 404, "not_found")
    assert_refused(auth.get("/signup"), 405, "bad_request")
    assert_refused(auth.post("/signup", content=b" " * 1_000_001), 413, "bad_request")
