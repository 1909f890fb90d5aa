"""GET /auth/oauth/{provider}?redirectTo=&scopes=&codeChallenge=&codeChallengeMethod=: where to sign in with it."""

import json
import re
from collections.abc import Mapping
from urllib.parse import quote

from shared.answers import NO_STORE, Answer, cached
from shared.call import Call
from shared.config import settings
from shared.endpoint import endpoint
from shared.errors import ApiError, invalid_field
from shared.redirects import is_allowed_redirect

_CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_METHODS = ("s256", "plain")
_SCOPES = re.compile(r"[\x20-\x7e]{1,500}")
# What JavaScript's encodeURIComponent leaves as it is.
_UNESCAPED = "!~*'()"


@endpoint("GET", "/auth/oauth/{provider}", access="none", signed=False)
def auth_oauth(call: Call) -> Answer:
    """Answer `{"url"}`, the address supabase-js's signInWithOAuth would send the browser to."""
    current = settings()
    provider = call.parameters["provider"]
    if current.supabase_url is None:
        raise ApiError("not_configured", cause="SUPABASE_URL is not set")
    if provider not in current.oauth_providers:
        raise ApiError("provider_not_supported")
    values = {"provider": provider, **_optional_values(call.query, current.oauth_redirect_allow_list)}
    query = "&".join(f"{name}={quote(value, safe=_UNESCAPED)}" for name, value in values.items())
    return cached(json.dumps({"url": f"{current.supabase_url}/auth/v1/authorize?{query}"}), NO_STORE)


def _optional_values(query: Mapping[str, str], allow_list: tuple[str, ...]) -> dict[str, str]:
    redirect_to, scopes = query.get("redirectTo", ""), query.get("scopes", "")
    challenge, method = query.get("codeChallenge", ""), query.get("codeChallengeMethod", "")
    if redirect_to and not is_allowed_redirect(redirect_to, allow_list):
        raise ApiError("redirect_not_allowed")
    if scopes and not _SCOPES.fullmatch(scopes):
        raise invalid_field("scopes", "must be plain text of at most 500 characters")
    if challenge and not _CHALLENGE.fullmatch(challenge):
        raise invalid_field("codeChallenge", "must have 43 to 128 characters of a-z, A-Z, 0-9, dot, dash, _ and ~")
    if bool(challenge) != bool(method) or (method and method not in _METHODS):
        raise invalid_field("codeChallengeMethod", "must be s256 or plain, and come with a codeChallenge")
    values = {
        "redirect_to": redirect_to,
        "scopes": scopes,
        "code_challenge": challenge,
        "code_challenge_method": method,
    }
    return {name: value for name, value in values.items() if value}
