"""Where browsers go after a sign-in: only back to this machine, with a code, tokens or the reason for none."""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
TOKEN_FIELDS = ("access_token", "expires_at", "expires_in", "refresh_token", "token_type")


def redirect_target(wanted: str, public_url: str) -> str:
    """Return where to send the browser afterwards: `wanted` on this machine, else the public address."""
    # Browsers read a backslash as a slash, so the host they go to is not the one that urlsplit sees.
    if "\\" in wanted or any(character <= " " for character in wanted):
        return public_url
    try:
        parts = urlsplit(wanted)
        allowed = parts.scheme in ("http", "https") and parts.hostname in (*LOCAL_HOSTS, urlsplit(public_url).hostname)
    except ValueError:
        return public_url
    return wanted if allowed and "@" not in parts.netloc else public_url


def with_code(target: str, code: str) -> str:
    """Return `target` with the code that the application exchanges for a session."""
    return _extended(target, {"code": code}, {})


def with_tokens(target: str, answer: dict[str, Any], sign_in_type: str | None) -> str:
    """Return `target` with a session in its fragment, which no server sees, and the kind of link it came from."""
    tokens = {name: answer[name] for name in TOKEN_FIELDS}
    return _extended(target, {}, tokens | ({"type": sign_in_type} if sign_in_type else {}))


def with_refusal(target: str, code: str, description: str) -> str:
    """Return `target` with the reason why there is no session, where either kind of client looks for it."""
    reason = {"error": "access_denied", "error_code": code, "error_description": description}
    return _extended(target, reason, reason)


def _extended(target: str, query: dict[str, Any], fragment: dict[str, Any]) -> str:
    parts = urlsplit(target)
    whole_query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *query.items()])
    return urlunsplit(parts._replace(query=whole_query, fragment=urlencode(fragment)))
