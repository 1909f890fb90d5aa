"""GET /auth/oauth/{provider}."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.api import Api

SUPABASE = "https://project.supabase.co"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture(autouse=True)
def _supabase(api: Api, configure: Callable[..., None]) -> None:
    configure(
        SUPABASE_URL=SUPABASE,
        OAUTH_REDIRECT_ALLOW_LIST="http://localhost:3000,https://app.example.com/signed-in,https://Example.org:443",
    )


def address(api: Api, query: str = "", provider: str = "google") -> str:
    answer = api.get(f"/auth/oauth/{provider}{query}")
    assert answer.status_code == 200, answer.json
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(answer.json) == {"url"}
    return str(answer.json["url"])


def test_the_address_is_the_one_supabase_js_builds(api: Api) -> None:
    base = f"{SUPABASE}/auth/v1/authorize"
    assert address(api) == f"{base}?provider=google"
    assert address(api, provider="github") == f"{base}?provider=github"
    query = "?redirectTo=http://localhost:3000/feed&scopes=email%20profile:read"
    query += f"&codeChallenge={CHALLENGE}&codeChallengeMethod=s256"
    assert address(api, query) == (
        f"{base}?provider=google&redirect_to=http%3A%2F%2Flocalhost%3A3000%2Ffeed&scopes=email%20profile%3Aread"
        f"&code_challenge={CHALLENGE}&code_challenge_method=s256"
    )


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost:3000",
        "http://localhost:3000/",
        "http://localhost:3000/feed?next=/a%20b#top",
        "HTTP://LOCALHOST:3000/feed",
        "https://app.example.com/signed-in",
        "https://app.example.com/signed-in/here",
        "https://app.example.com:443/signed-in?x=1",
        "https://example.org/anything",
        "http://localhost:3000?next=https://evil.com",
        "http://localhost:3000/@evil.com",
    ],
)
def test_an_allowed_redirect_is_taken_as_it_is(api: Api, target: str) -> None:
    assert address(api, f"?redirectTo={quote(target, safe='')}").endswith(
        "&redirect_to=" + quote(target, safe="!~*'()")
    )


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.com",
        "http://localhost:3000.evil.com",
        "http://localhost:3000@evil.com",
        "http://localhost:3000:x@evil.com/",
        "http://user@localhost:3000",
        "http://localhost:3001",
        "http://localhost",
        "https://localhost:3000",
        "http://localhost:3000\\@evil.com",
        "http://localhost:3000\\.evil.com",
        "http:\\\\localhost:3000",
        "http:/localhost:3000",
        "//localhost:3000",
        "/feed",
        "localhost:3000",
        "javascript:alert(1)//localhost:3000",
        "data:text/html,http://localhost:3000",
        "http://localhost:3000\t.evil.com",
        "\thttp://localhost:3000",
        " http://localhost:3000",
        "http://localhost:3000/\r\nSet-Cookie: a=b",
        "http://localhost:3000/\x00",
        "http://löcalhost:3000",
        "http://localhost\uff1a3000",
        "http://[localhost:3000",
        "http://localhost:99999",
        "http://localhost:x",
        "https://app.example.com",
        "https://app.example.com/",
        "https://app.example.com/signed-in-not",
        "https://app.example.com/signed-in/../evil",
        "https://app.example.com/signed-in/%2e%2e/evil",
        "https://app.example.com/signed-in/%2E./evil",
        "https://app.example.com/SIGNED-IN",
        "https://app.example.com.evil.com/signed-in",
        "https://evil.com/https://app.example.com/signed-in",
        "https://sub.app.example.com/signed-in",
    ],
)
def test_any_other_redirect_is_refused(api: Api, target: str) -> None:
    answer = api.get(f"/auth/oauth/google?redirectTo={quote(target, safe='')}")
    assert (answer.status_code, answer.json["error"]) == (422, "redirect_not_allowed")


@pytest.mark.parametrize("provider", ["facebook", "Google", "google%20", "google&x=1", "..", "%2e%2e"])
def test_a_provider_that_is_not_configured_is_a_404(api: Api, provider: str) -> None:
    answer = api.get(f"/auth/oauth/{provider}")
    assert (answer.status_code, answer.json["error"]) == (404, "provider_not_supported")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (f"codeChallenge={CHALLENGE}", "codeChallengeMethod"),
        ("codeChallengeMethod=s256", "codeChallengeMethod"),
        (f"codeChallenge={CHALLENGE}&codeChallengeMethod=md5", "codeChallengeMethod"),
        ("codeChallenge=short&codeChallengeMethod=s256", "codeChallenge"),
        (f"codeChallenge={'a' * 129}&codeChallengeMethod=plain", "codeChallenge"),
        (f"codeChallenge={CHALLENGE}%26x=1&codeChallengeMethod=s256", "codeChallenge"),
        (f"scopes={'a' * 501}", "scopes"),
        ("scopes=a%0Ab", "scopes"),
    ],
)
def test_unusable_parameters_are_refused_by_name(api: Api, query: str, field: str) -> None:
    answer = api.get(f"/auth/oauth/google?{query}")
    assert (answer.status_code, answer.json["error"]) == (422, "validation_failed")
    assert [each["field"] for each in answer.json["errors"]] == [field]


def test_without_supabase_there_is_nowhere_to_sign_in(api: Api, configure: Callable[..., None]) -> None:
    configure(SUPABASE_URL="")
    answer = api.get("/auth/oauth/google")
    assert (answer.status_code, answer.json["error"]) == (503, "not_configured")
