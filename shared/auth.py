"""Who is calling: Supabase access tokens, checked without a network call, and the platform's own callers.

Tokens: https://supabase.com/docs/guides/auth/jwts. The algorithm is chosen from an allow-list and bound to its kind
of key, so that a public key can never be used as an HMAC secret.
"""

import base64
import json
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from werkzeug.datastructures import Headers

from shared.config import Settings
from shared.errors import ApiError
from shared.key_set import KeySet

MAX_TOKEN_CHARACTERS = 8192
GOOGLE_ISSUERS = ("https://accounts.google.com", "accounts.google.com")
_CLOCK_LEEWAY_SECONDS = 5
_USER_NAME_CLAIMS = ("username", "user_name", "preferred_username", "name", "full_name")


@dataclass(frozen=True)
class User:
    """A signed-in person: Supabase's id, e-mail (empty when unknown) and the name they asked for when signing up."""

    id: UUID
    email: str
    username: str
    is_anonymous: bool


def bearer_token(headers: Headers, *, behind_api_gateway: bool) -> str | None:
    """Return the token of the request, or None when it carries none.

    API Gateway puts its own token into `Authorization` and the caller's into `X-Forwarded-Authorization`. Without a
    gateway in front anybody could choose that header, so it is read only when the settings say there is one.
    Raises ApiError `invalid_token` for an `Authorization` header that is not `Bearer TOKEN`.
    """
    name = "X-Forwarded-Authorization" if behind_api_gateway else "Authorization"
    header = headers.get(name, "").strip()
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN_CHARACTERS:
        raise ApiError("invalid_token", cause="malformed Authorization header")
    return token


def verify_user(token: str, settings: Settings) -> User:
    """Return the person a Supabase access token speaks for.

    Raises ApiError `invalid_token` or `expired_token` (401), and `auth_unavailable` (503) when Supabase's public keys
    cannot be had.
    """
    user = _signed_in(token, settings)
    if settings.supabase_verify == "remote":
        _verify_remotely(token, settings)
    return user


def verify_task_caller(token: str | None, settings: Settings, audience: str) -> None:
    """Check that Cloud Tasks or Cloud Scheduler calls, by its OIDC token for `audience` and the service account.

    On a laptop, where no service account is configured, every caller is the platform. Raises ApiError
    `invalid_caller` (401), or `auth_unavailable` (503) when Google's keys cannot be had.

    Where Cloud Run has checked the token itself, it hands it on without its signature, so that nobody can use it again
    (https://cloud.google.com/run/docs/troubleshooting).
    """
    if settings.task_service_account is None:
        if settings.in_cloud:
            raise ApiError("not_configured", cause="TASK_SERVICE_ACCOUNT is not set")
        return
    if token is None:
        raise ApiError("invalid_caller", cause="no token")
    import jwt  # noqa: PLC0415 - 30 ms that a request without a token need not pay

    try:
        claims = _platform_claims(token, settings, audience)
    except (jwt.InvalidTokenError, ValueError, TypeError, RecursionError, ApiError) as error:
        if isinstance(error, ApiError) and error.status == 503:
            raise
        raise ApiError("invalid_caller", cause=str(error)) from error
    email_matches = claims.get("email") == settings.task_service_account and claims.get("email_verified") is True
    if claims["iss"] not in GOOGLE_ISSUERS or not email_matches:
        raise ApiError("invalid_caller", cause="another issuer or account")


def _platform_claims(token: str, settings: Settings, audience: str) -> dict[str, Any]:
    """Return what an OIDC token for `audience` says, its signature checked here or before by the platform."""
    import jwt  # noqa: PLC0415 - see above

    required = ["exp", "aud", "iss"]
    if settings.platform_checks_callers:
        return jwt.decode(
            token.rpartition(".")[0] + ".",
            leeway=_CLOCK_LEEWAY_SECONDS,
            audience=audience,
            options={"require": required, "verify_signature": False, "verify_exp": True, "verify_aud": True},
        )
    header = _header(token)
    # Before the keys: no other kind of token is worth fetching them.
    if header.get("alg") != "RS256":
        raise ApiError("invalid_caller", cause="not signed by Google")
    key = key_set(settings.task_keys_url).key_for(header)
    return jwt.decode(
        token,
        key=key,
        algorithms=["RS256"],
        leeway=_CLOCK_LEEWAY_SECONDS,
        audience=audience,
        options={"require": required},
    )


def _signed_in(token: str, settings: Settings) -> User:
    import jwt  # noqa: PLC0415 - 30 ms that a request without a token need not pay

    issuer = f"{settings.supabase_url}/auth/v1" if settings.supabase_url else None
    try:
        user, expires_at = _spoken_for(token, *_verification_key(_header(token), settings), issuer)
        # It may be remembered from a time when the token was still good.
        if expires_at <= time.time() - _CLOCK_LEEWAY_SECONDS:
            raise ApiError("expired_token")
    except jwt.ExpiredSignatureError as error:
        raise ApiError("expired_token") from error
    # A token's numbers and texts are the sender's: PyJWT lets some of their faults out as plain ValueErrors.
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ApiError("invalid_token", cause=str(error)) from error
    return user


# A caller sends the same token for an hour, and checking it is a sixth of a request. Remembered is whom this very key
# has signed it for; that the key still counts, and the token's time, are looked at in every request.
@lru_cache(maxsize=5000)
def _spoken_for(token: str, key: Any, algorithm: str, issuer: str | None) -> tuple[User, int]:
    """Return who the token speaks for and until when, in unix seconds."""
    import jwt  # noqa: PLC0415 - see above

    claims: dict[str, Any] = jwt.decode(
        token,
        key=key,
        algorithms=[algorithm],
        leeway=_CLOCK_LEEWAY_SECONDS,
        audience="authenticated",
        issuer=issuer,
        options={"require": ["exp", "aud", "sub"]},
    )
    # Legacy anon and service keys are signed by the same secret: what sets a person apart is the role.
    if claims.get("role") != "authenticated":
        raise ApiError("invalid_token", cause="role is not authenticated")
    return _user(claims), int(claims["exp"])


# Not remembered: nobody has checked it yet, and whoever sends it chooses how much it holds.
def _header(token: str) -> dict[str, Any]:
    """Return the token's header, to choose the key by; PyJWT judges its form when it checks the signature."""
    segment = token.partition(".")[0]
    header = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    if not isinstance(header, dict):
        raise TypeError("the header is not an object")
    return header


def _verification_key(header: dict[str, Any], settings: Settings) -> tuple[Any, str]:
    algorithm = header.get("alg")
    if algorithm == "HS256" and settings.supabase_jwt_secret:
        return settings.supabase_jwt_secret, algorithm
    if algorithm in ("ES256", "RS256") and settings.supabase_url:
        return key_set(f"{settings.supabase_url}/auth/v1/.well-known/jwks.json").key_for(header), algorithm
    raise ApiError("invalid_token", cause=f"algorithm {str(algorithm)[:20]} is not accepted")


@lru_cache(maxsize=4)
def key_set(url: str) -> KeySet:
    """Return this process's keys of one issuer."""
    return KeySet(url)


def _user(claims: dict[str, Any]) -> User:
    try:
        user_id = UUID(claims["sub"])
    except (ValueError, AttributeError, TypeError) as error:
        raise ApiError("invalid_token", cause="sub is not a UUID") from error
    email, username = account_names(claims.get("email"), claims.get("user_metadata"))
    return User(id=user_id, email=email, username=username, is_anonymous=claims.get("is_anonymous") is True)


def account_names(email: Any, metadata: Any) -> tuple[str, str]:
    """Return the e-mail address and the name asked for at sign-up, each empty when unknown, fit for Postgres."""
    names = [metadata.get(name) for name in _USER_NAME_CLAIMS] if isinstance(metadata, dict) else []
    username = next((name for name in names if isinstance(name, str) and name), "")
    return _storable(email) if isinstance(email, str) else "", _storable(username)


def _storable(text: str) -> str:
    """Return the text without what Postgres cannot store: NUL and lone surrogates."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode()


def _verify_remotely(token: str, settings: Settings) -> None:
    """Ask Supabase whether the session still stands, for those who need revocation at once."""
    import httpx  # noqa: PLC0415 - only with SUPABASE_VERIFY=remote

    headers = {"Authorization": f"Bearer {token}", "apikey": settings.supabase_anon_key or ""}
    try:
        response = httpx.get(f"{settings.supabase_url}/auth/v1/user", headers=headers, timeout=5)
    except httpx.HTTPError as error:
        raise ApiError("auth_unavailable", cause=str(error)) from error
    if response.status_code >= 500 or response.status_code == 429:
        raise ApiError("auth_unavailable", cause=f"Supabase answered {response.status_code}")
    if response.status_code != 200:
        raise ApiError("invalid_token", cause=f"Supabase answered {response.status_code}")
