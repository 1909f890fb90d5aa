"""Access tokens, through the edge: who gets in, and everything that must not."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import jwt
import pytest

from tests.api import JWT_SECRET, Api, Person
from tests.rows import make_profile
from tests.shared.jwks_server import Issuer, ec_key, published, rsa_key, running_issuer
from tests.threads import at_once

ADA = Person("ada")
EC, OTHER_EC, RSA = ec_key(), ec_key(), rsa_key()


def ask(api: Api, token: str, path: str | None = None) -> tuple[int, str | None]:
    """Return status and error code of a request with this token."""
    answer = api.get(path or f"/users/{ADA.id}", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.json.get("error") if isinstance(answer.json, dict) else None


def claims(**changes: Any) -> dict[str, Any]:
    standard = {
        "sub": str(ADA.id),
        "email": ADA.email,
        "role": "authenticated",
        "aud": "authenticated",
        "iss": "https://project.supabase.co/auth/v1",
        "exp": int(time.time()) + 3600,
    }
    return {name: value for name, value in {**standard, **changes}.items() if value is not None}


def hs256(secret: str = JWT_SECRET, *, headers: dict[str, Any] | None = None, **changes: Any) -> str:
    return jwt.encode(claims(**changes), secret, algorithm="HS256", headers=headers)


def assembled(header: Any, payload: Any, signature: bytes = b"") -> str:
    """Return a token of parts that no library would put together."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (*parts, signature))


def tampered(token: str) -> str:
    head, _, signature = token.split(".")
    changed = {**claims(), "sub": str(uuid4())}
    return f"{head}.{base64.urlsafe_b64encode(json.dumps(changed).encode()).decode().rstrip('=')}.{signature}"


NOW = int(time.time())
GOOD: dict[str, Callable[[], str]] = {
    "plain": hs256,
    "with the key id that new projects add": lambda: hs256(headers={"kid": "abc"}),
    "audience among several": lambda: hs256(aud=["other", "authenticated"]),
    "expired three seconds ago, within the leeway": lambda: hs256(exp=int(time.time()) - 3),
    "without e-mail, as phone users are": lambda: hs256(email=None, phone="123"),
    "strange e-mail and metadata": lambda: hs256(email={"a": 1}, user_metadata=["x"]),
    "texts that Postgres cannot store": lambda: hs256(email="a\x00@b", user_metadata={"username": "\ud800\x00ada"}),
}
BAD: dict[str, Callable[[], str]] = {
    "garbage": lambda: "garbage",
    "two parts": lambda: hs256().rpartition(".")[0],
    "four parts": lambda: hs256() + ".x",
    "empty parts": lambda: "..",
    "not base64": lambda: "!!!.???.***",
    "no JSON": lambda: assembled(b"{", b"{"),
    "header is a list": lambda: assembled([], claims()),
    "header is a number": lambda: assembled(7, claims()),
    "header is not UTF-8": lambda: assembled(b"\xff\xfe", claims()),
    "deeply nested header": lambda: assembled(b"[" * 5000, b"[" * 500),
    "alg none": lambda: assembled({"alg": "none", "typ": "JWT"}, claims()),
    "alg None": lambda: assembled({"alg": "None"}, claims()),
    "alg NONE with a signature": lambda: assembled({"alg": "NONE"}, claims(), b"x"),
    "no alg": lambda: assembled({"typ": "JWT"}, claims()),
    "alg is a list": lambda: assembled({"alg": ["HS256"]}, claims()),
    "alg is an object": lambda: assembled({"alg": {"HS256": 1}}, claims()),
    "alg hs256": lambda: assembled({"alg": "hs256"}, claims()),
    "kid is a number": lambda: assembled({"alg": "HS256", "kid": 7}, claims()),
    "unsigned": lambda: hs256().rpartition(".")[0] + ".",
    "HS512": lambda: jwt.encode(claims(), JWT_SECRET * 2, algorithm="HS512"),
    "HS384": lambda: jwt.encode(claims(), JWT_SECRET * 2, algorithm="HS384"),
    "wrong secret": lambda: hs256("another secret of at least 32 characters"),
    "tampered": lambda: tampered(hs256()),
    "not valid yet": lambda: hs256(nbf=int(time.time()) + 60),
    "issued in the future": lambda: hs256(iat=int(time.time()) + 60),
    "no expiry": lambda: hs256(exp=None),
    "expiry is a text": lambda: hs256(exp="tomorrow"),
    "expiry is a list": lambda: hs256(exp=[NOW + 60]),
    "expiry is infinite": lambda: assembled_and_signed(b'{"exp": Infinity}'),
    "expiry is not a number": lambda: assembled_and_signed(b'{"exp": NaN}'),
    "expiry is beyond all numbers": lambda: assembled_and_signed(b'{"exp": 1e999}'),
    "other audience": lambda: hs256(aud="other"),
    "no audience": lambda: hs256(aud=None),
    "audience is an object": lambda: hs256(aud={"authenticated": True}),
    "audience is a longer text": lambda: hs256(aud="authenticated-not"),
    "anon role": lambda: hs256(role="anon"),
    "service role": lambda: hs256(role="service_role"),
    "no role": lambda: hs256(role=None),
    "role is a list": lambda: hs256(role=["authenticated"]),
    "no subject": lambda: hs256(sub=None),
    "subject is no UUID": lambda: hs256(sub="ada"),
    "subject is empty": lambda: hs256(sub=""),
    "subject is a number": lambda: assembled_and_signed(json.dumps(claims(sub=7)).encode()),
    "legacy anon key": lambda: legacy_key("anon"),
    "legacy service key": lambda: legacy_key("service_role"),
    "payload is a list": lambda: assembled_and_signed(b"[]"),
    "payload is no JSON": lambda: assembled_and_signed(b"{"),
    "payload is not UTF-8": lambda: assembled_and_signed(b"\xff"),
    "oversized": lambda: hs256(padding="x" * 9000),
}


def assembled_and_signed(payload: bytes) -> str:
    return jwt.api_jws.encode(payload, JWT_SECRET, algorithm="HS256")


def legacy_key(role: str) -> str:
    """Return one of the two keys of an older Supabase project: signed by the very same secret, and public."""
    payload = {"iss": "supabase", "ref": "project", "role": role, "iat": NOW - 10**6, "exp": NOW + 10**8}
    return jwt.encode(payload, JWT_SECRET, algorithm="HS256")


@pytest.mark.parametrize("name", GOOD)
def test_a_good_token_gets_in(api: Api, name: str) -> None:
    assert ask(api, GOOD[name]()) == (200, None)


@pytest.mark.parametrize("name", BAD)
def test_a_bad_token_is_a_401(api: Api, name: str) -> None:
    assert ask(api, BAD[name]()) == (401, "invalid_token")


@pytest.mark.parametrize("name", ["garbage", "wrong secret", "legacy anon key", "alg none"])
def test_a_bad_token_is_a_401_also_where_none_is_needed(api: Api, name: str) -> None:
    assert ask(api, BAD[name](), "/videos/feed") == (401, "invalid_token")


def test_an_expired_token_says_so(api: Api) -> None:
    assert ask(api, hs256(exp=int(time.time()) - 60)) == (401, "expired_token")


def test_an_expired_token_of_somebody_else_does_not_say_so(api: Api) -> None:
    assert ask(api, hs256("another secret of at least 32 characters", exp=1)) == (401, "invalid_token")


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Basic YTpi", "bearer: x", "Token x", "Bearer\tx", "Bearer a b c", "ünïcode", "x" * 9000],
)
def test_a_header_that_is_no_bearer_token_is_a_401(api: Api, header: str) -> None:
    answer = api.get("/videos/feed", headers={"Authorization": header})
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_token")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_scheme_is_read_in_any_case(api: Api, scheme: str) -> None:
    answer = api.get(f"/users/{ADA.id}", headers={"Authorization": f"{scheme} {hs256()}"})
    assert answer.status_code == 200


def test_no_token_is_a_401_that_names_the_scheme(api: Api) -> None:
    answer = api.get(f"/users/{ADA.id}")
    assert (answer.status_code, answer.json["error"]) == (401, "missing_token")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_answer_tells_nothing_about_why(api: Api) -> None:
    answers = [
        api.get(f"/users/{ADA.id}", headers={"Authorization": f"Bearer {BAD[name]()}"})
        for name in ("wrong secret", "anon role", "alg none")
    ]
    for answer in answers:
        assert {**answer.json, "requestId": ""} == {**answers[0].json, "requestId": ""}


def test_behind_a_gateway_the_token_is_read_from_its_own_header_alone(api: Api, configure: Callable[..., None]) -> None:
    make_profile(ADA)
    path, token = f"/users/{ADA.id}", f"Bearer {hs256()}"
    forged = {"X-Forwarded-Authorization": token}
    assert api.get(path, headers=forged).json["error"] == "missing_token"
    configure(BEHIND_API_GATEWAY="true")
    assert api.get(path, headers={**forged, "Authorization": "Bearer the.gateways.own"}).status_code == 200
    assert api.get(path, headers={"Authorization": token}).json["error"] == "missing_token"


# Public keys.


@pytest.fixture
def issuer(api: Api, configure: Callable[..., None]) -> Iterator[Issuer]:
    with running_issuer() as running:
        configure(SUPABASE_URL=running.url)
        running.publish(published(EC, "ec"), published(RSA, "rsa"))
        yield running


class Clock(SimpleNamespace):
    """A clock that the test moves by hand."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved_by_hand = Clock()
    monkeypatch.setattr("shared.key_set.time", moved_by_hand)
    return moved_by_hand


def signed(issuer: Issuer, key: Any = EC, key_id: str | None = "ec", algorithm: str = "ES256", **changes: Any) -> str:
    changes = {"iss": f"{issuer.url}/auth/v1", **changes}
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers={"kid": key_id} if key_id else None)


def test_tokens_of_both_kinds_of_public_keys_get_in(api: Api, issuer: Issuer) -> None:
    assert ask(api, signed(issuer)) == (200, None)
    assert ask(api, signed(issuer, RSA, "rsa", "RS256")) == (200, None)
    assert issuer.paths == ["/auth/v1/.well-known/jwks.json"]


def test_a_key_published_without_its_algorithm_is_bound_to_its_kind(api: Api, issuer: Issuer) -> None:
    bare = {name: value for name, value in published(RSA, "bare").items() if name not in ("alg", "use")}
    issuer.publish(bare)
    assert ask(api, signed(issuer, RSA, "bare", "RS256")) == (200, None)


def attacks(issuer: Issuer) -> dict[str, str]:
    secret_of_public_key = json.dumps(published(EC, "ec"))
    pem = RSA.public_key().public_bytes(*pem_format()).decode()
    confused = {
        "public key as HMAC secret": jwt_by_hand({"alg": "HS256", "kid": "rsa"}, issuer, pem.encode()),
        "key document as HMAC secret": jwt_by_hand(
            {"alg": "HS256", "kid": "ec"}, issuer, secret_of_public_key.encode()
        ),
    }
    embedded = {"alg": "ES256", "kid": "ec", "jwk": published(OTHER_EC, "ec"), "jku": "http://127.0.0.1:1/evil"}
    return {
        **confused,
        "another key under a known id": signed(issuer, OTHER_EC),
        "key given in the header": jwt.encode(
            claims(iss=f"{issuer.url}/auth/v1"), OTHER_EC, algorithm="ES256", headers=embedded
        ),
        "RS256 with the id of an EC key": signed(issuer, RSA, "ec", "RS256"),
        "ES256 with the id of an RSA key": signed(issuer, EC, "rsa"),
        "PS256": signed(issuer, RSA, "rsa", "PS256"),
        "RS512": signed(issuer, RSA, "rsa", "RS512"),
        "unknown id": signed(issuer, key_id="unknown"),
        "no id": signed(issuer, key_id=None),
        "other issuer": signed(issuer, iss="https://evil.example.com/auth/v1"),
        "issuer is the project itself": signed(issuer, iss=issuer.url),
        "no issuer": signed(issuer, iss=None),
        "alg none": assembled({"alg": "none", "kid": "ec"}, claims(iss=f"{issuer.url}/auth/v1")),
        "anon role": signed(issuer, role="anon"),
        "HS256 of another project": hs256(),
    }


def pem_format() -> tuple[Any, Any]:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

    return Encoding.PEM, PublicFormat.SubjectPublicKeyInfo


def jwt_by_hand(header: dict[str, Any], issuer: Issuer, secret: bytes) -> str:
    """Return an HS256 token of any secret: PyJWT refuses to sign with a public key."""
    import hmac  # noqa: PLC0415

    unsigned = assembled(header, claims(iss=f"{issuer.url}/auth/v1")).rpartition(".")[0]
    signature = hmac.digest(secret, unsigned.encode(), "sha256")
    return f"{unsigned}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def test_no_attack_on_public_keys_gets_in_with_or_without_a_shared_secret(
    api: Api, issuer: Issuer, configure: Callable[..., None]
) -> None:
    for secret in (JWT_SECRET, ""):
        configure(SUPABASE_JWT_SECRET=secret)
        results = {name: ask(api, token) for name, token in attacks(issuer).items()}
        assert results == dict.fromkeys(results, (401, "invalid_token"))


def test_a_symmetric_key_in_the_key_set_is_of_no_use(api: Api, issuer: Issuer, configure: Callable[..., None]) -> None:
    configure(SUPABASE_JWT_SECRET="")
    symmetric = {"kty": "oct", "kid": "oct", "k": base64.urlsafe_b64encode(b"x" * 32).decode(), "alg": "HS256"}
    issuer.publish(symmetric, published(EC, "ec"))
    assert ask(api, jwt_by_hand({"alg": "HS256", "kid": "oct"}, issuer, b"x" * 32)) == (401, "invalid_token")
    assert ask(api, signed(issuer)) == (200, None)


def test_keys_are_kept_for_ten_minutes(api: Api, issuer: Issuer, clock: Clock) -> None:
    for _ in range(3):
        assert ask(api, signed(issuer)) == (200, None)
    assert issuer.asked == 1
    clock.now += 599
    ask(api, signed(issuer))
    assert issuer.asked == 1
    clock.now += 2
    assert ask(api, signed(issuer)) == (200, None)
    assert issuer.asked == 2


def test_a_withdrawn_key_is_refused_after_ten_minutes(api: Api, issuer: Issuer, clock: Clock) -> None:
    ask(api, signed(issuer))
    issuer.publish(published(RSA, "rsa"))
    clock.now += 601
    assert ask(api, signed(issuer)) == (401, "invalid_token")


def test_an_unknown_key_is_asked_for_at_most_once_in_30_seconds(api: Api, issuer: Issuer, clock: Clock) -> None:
    ask(api, signed(issuer))
    clock.now += 31
    for number in range(5):
        assert ask(api, signed(issuer, key_id=f"unknown {number}")) == (401, "invalid_token")
    assert issuer.asked == 2
    clock.now += 31
    ask(api, signed(issuer, key_id="unknown"))
    assert issuer.asked == 3


def test_a_new_key_is_found_half_a_minute_later(api: Api, issuer: Issuer, clock: Clock) -> None:
    ask(api, signed(issuer))
    issuer.publish(published(EC, "ec"), published(OTHER_EC, "new"))
    assert ask(api, signed(issuer, OTHER_EC, "new")) == (401, "invalid_token")
    clock.now += 31
    assert ask(api, signed(issuer, OTHER_EC, "new")) == (200, None)


@pytest.mark.parametrize(
    ("status", "document"),
    [
        (500, {"keys": []}),
        (404, {"error": "x"}),
        (302, {}),
        (200, b"<html>"),
        (200, b"\xff\xff"),
        (200, []),
        (200, {}),
        (200, {"keys": None}),
        (200, {"keys": 7}),
        (200, {"keys": {"kid": "ec"}}),
        (200, {"keys": [7, {"kty": "strange"}, {"kid": "x"}]}),
    ],
)
def test_old_keys_stay_good_when_the_issuer_fails(
    api: Api, issuer: Issuer, clock: Clock, status: int, document: Any
) -> None:
    ask(api, signed(issuer))
    issuer.status, issuer.document = status, document
    clock.now += 10_000
    assert ask(api, signed(issuer)) == (200, None)
    assert issuer.asked == 2
    # Asked again half a minute later, and not before.
    assert ask(api, signed(issuer)) == (200, None)
    assert issuer.asked == 2
    clock.now += 31
    ask(api, signed(issuer))
    assert issuer.asked == 3


def test_an_unusable_key_beside_a_good_one_does_no_harm(api: Api, issuer: Issuer) -> None:
    issuer.publish({"kty": "EC", "kid": "bad", "crv": "P-256", "x": "!", "y": "?"}, published(EC, "ec"))
    assert ask(api, signed(issuer)) == (200, None)


def test_without_any_keys_ever_sign_in_is_unavailable_and_tried_again_soon(
    api: Api, issuer: Issuer, clock: Clock
) -> None:
    issuer.status = 500
    answer = api.get(f"/users/{ADA.id}", headers={"Authorization": f"Bearer {signed(issuer)}"})
    assert (answer.status_code, answer.json["error"]) == (503, "auth_unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert ask(api, signed(issuer)) == (503, "auth_unavailable")
    assert issuer.asked == 1
    issuer.status = 200
    clock.now += 5
    assert ask(api, signed(issuer)) == (200, None)


def test_an_issuer_that_cannot_be_reached_is_a_503(api: Api, configure: Callable[..., None]) -> None:
    with running_issuer() as gone:
        pass
    configure(SUPABASE_URL=gone.url)
    assert ask(api, signed(gone)) == (503, "auth_unavailable")


def test_an_issuer_without_public_keys_has_none_to_sign_with(api: Api, issuer: Issuer) -> None:
    issuer.publish()
    assert ask(api, signed(issuer)) == (401, "invalid_token")
    assert ask(api, hs256(iss=f"{issuer.url}/auth/v1")) == (200, None)


def test_many_at_once_fetch_the_keys_once(api: Api, issuer: Issuer) -> None:
    make_profile(ADA)
    token = signed(issuer)
    assert at_once(20, lambda _: ask(api, token)) == [(200, None)] * 20
    assert issuer.asked == 1


def test_nobody_with_an_old_key_waits_for_a_slow_issuer(api: Api, issuer: Issuer, clock: Clock) -> None:
    make_profile(ADA)
    token = signed(issuer)
    ask(api, token)
    issuer.gate.clear()
    clock.now += 601
    slow = threading.Thread(target=ask, args=(api, token))
    slow.start()
    while issuer.asked < 2:
        time.sleep(0.01)
    started = time.perf_counter()
    assert ask(api, token) == (200, None)
    assert time.perf_counter() - started < 2
    issuer.gate.set()
    slow.join()


# Asking Supabase itself, and the platform's own callers.


def test_a_remote_check_asks_supabase_whether_the_session_stands(
    api: Api, issuer: Issuer, configure: Callable[..., None]
) -> None:
    configure(SUPABASE_VERIFY="remote", SUPABASE_ANON_KEY="anon")
    token = hs256(iss=f"{issuer.url}/auth/v1")
    issuer.document = {"id": str(ADA.id)}
    results = []
    for issuer.status in (200, 401, 403, 404, 429, 500, 503):
        results.append(ask(api, token))
    unavailable = (503, "auth_unavailable")
    assert results == [(200, None)] + [(401, "invalid_token")] * 3 + [unavailable] * 3
    assert set(issuer.paths) == {"/auth/v1/user"}


ACCOUNT = "caller@project.iam.gserviceaccount.com"


@pytest.fixture
def google(api: Api, configure: Callable[..., None]) -> Iterator[Issuer]:
    with running_issuer() as running:
        configure(K_SERVICE="service", TASK_SERVICE_ACCOUNT=ACCOUNT, TASK_KEYS_URL=running.url)
        running.publish(published(RSA, "rsa"), published(EC, "ec"))
        yield running


def call_task(api: Api, token: str | None) -> tuple[int, str | None]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = api.post("/tasks/leaderboard", signed=False, headers=headers)
    return answer.status_code, answer.json.get("error")


def oidc(key: Any = RSA, key_id: str = "rsa", algorithm: str = "RS256", **changes: Any) -> str:
    standard = {
        "iss": "https://accounts.google.com",
        "aud": "https://localhost",
        "email": ACCOUNT,
        "email_verified": True,
        "exp": int(time.time()) + 60,
        "sub": "1",
    }
    payload = {name: value for name, value in {**standard, **changes}.items() if value is not None}
    return jwt.encode(payload, key, algorithm=algorithm, headers={"kid": key_id})


def test_the_platform_gets_in_by_its_own_token(api: Api, google: Issuer) -> None:
    assert call_task(api, oidc()) == (200, None)
    assert call_task(api, oidc(iss="accounts.google.com")) == (200, None)
    # Its clock and ours may differ a little.
    assert call_task(api, oidc(iat=int(time.time()) + 3)) == (200, None)


def test_nobody_else_gets_in(api: Api, google: Issuer) -> None:
    tokens = {
        "none": None,
        "garbage": "garbage",
        "other key": oidc(rsa_key()),
        "unknown key": oidc(key_id="x"),
        "EC key": oidc(EC, "ec", "ES256"),
        "HS256": jwt.encode({"aud": "https://localhost"}, JWT_SECRET, algorithm="HS256"),
        "other service": oidc(aud="https://other.example.com"),
        "no audience": oidc(aud=None),
        "other account": oidc(email="evil@project.iam.gserviceaccount.com"),
        "no account": oidc(email=None),
        "unverified account": oidc(email_verified=False),
        "account said to be verified": oidc(email_verified="true"),
        "other issuer": oidc(iss="https://evil.example.com"),
        "no issuer": oidc(iss=None),
        "expired": oidc(exp=int(time.time()) - 60),
        "no expiry": oidc(exp=None),
        "a user's": hs256(),
    }
    results = {name: call_task(api, token) for name, token in tokens.items()}
    assert results == dict.fromkeys(tokens, (401, "invalid_caller"))


def unsigned(token: str) -> str:
    """Return what Cloud Run makes of a token that it has checked itself."""
    return token.rpartition(".")[0] + ".SIGNATURE_REMOVED_BY_GOOGLE"


def test_a_token_that_the_platform_has_checked_comes_without_its_signature(
    api: Api, google: Issuer, configure: Callable[..., None]
) -> None:
    assert call_task(api, unsigned(oidc())) == (401, "invalid_caller"), "unless it says so, nobody has checked it"
    configure(PLATFORM_CHECKS_CALLERS="true")
    assert call_task(api, unsigned(oidc())) == (200, None)
    tokens = {
        "none": None,
        "garbage": "garbage",
        "not JSON": "a.b.SIGNATURE_REMOVED_BY_GOOGLE",
        "other service": unsigned(oidc(aud="https://other.example.com")),
        "no audience": unsigned(oidc(aud=None)),
        "other account": unsigned(oidc(email="evil@project.iam.gserviceaccount.com")),
        "unverified account": unsigned(oidc(email_verified=False)),
        "other issuer": unsigned(oidc(iss="https://evil.example.com")),
        "expired": unsigned(oidc(exp=int(time.time()) - 60)),
        "no expiry": unsigned(oidc(exp=None)),
        "a user's": unsigned(hs256()),
    }
    results = {name: call_task(api, token) for name, token in tokens.items()}
    assert results == dict.fromkeys(tokens, (401, "invalid_caller"))


def test_without_googles_keys_the_platform_is_asked_to_try_again(api: Api, google: Issuer) -> None:
    google.status = 500
    assert call_task(api, oidc()) == (503, "auth_unavailable")
