"""A token that was good is remembered, and yet refused the moment it no longer is."""

import time
from collections.abc import Callable
from types import SimpleNamespace

import jwt
import pytest

from shared import auth
from tests.api import Api, Person

ADA = Person("ada")


def status(api: Api, token: str) -> tuple[int, str | None]:
    answer = api.get(f"/users/{ADA.id}", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.json.get("error")


def test_a_signature_is_checked_once(api: Api) -> None:
    token = ADA.token()
    before = auth._spoken_for.cache_info()
    assert [status(api, token)[0] for _ in range(3)] == [200, 200, 200]
    after = auth._spoken_for.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)


def test_it_expires_while_it_is_remembered(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    token = ADA.token()
    assert status(api, token) == (200, None)
    # The leeway for wrong clocks is five seconds.
    monkeypatch.setattr(auth, "time", SimpleNamespace(time=lambda: time.time() + 3604))
    assert status(api, token) == (200, None)
    monkeypatch.setattr(auth, "time", SimpleNamespace(time=lambda: time.time() + 3606))
    assert status(api, token) == (401, "expired_token")


def test_it_is_refused_when_the_secret_changes(api: Api, configure: Callable[..., None]) -> None:
    token = ADA.token()
    assert status(api, token) == (200, None)
    configure(SUPABASE_JWT_SECRET="another-secret-for-tokens-of-32-characters")
    assert status(api, token) == (401, "invalid_token")


def test_one_letter_more_is_another_token(api: Api) -> None:
    token = ADA.token()
    assert status(api, token) == (200, None)
    assert status(api, token + "A") == (401, "invalid_token")


def test_what_was_refused_is_not_remembered(api: Api) -> None:
    caches = [each for each in vars(auth).values() if hasattr(each, "cache_info")]
    before = [each.cache_info().currsize for each in caches]
    for secret in ("wrong-secret-of-thirty-two-characters", "another-wrong-secret-of-32-characters"):
        header = {"x": secret * 20}
        assert status(api, jwt.encode({"sub": str(ADA.id)}, secret, headers=header)) == (401, "invalid_token")
    assert [each.cache_info().currsize for each in caches] == before
