"""Flow's access token: given once, or fetched for a session's cookie and renewed before and when it is refused.

`GET https://labs.google/fx/api/auth/session` with the cookie of a signed-in browser answers `access_token` and
`expires`; a session that has ended answers 200 without a token.
"""

import threading
import time
from datetime import UTC, datetime
from typing import Any

import httpx

from shared.generation.provider import GenerationError

COOKIE = "__Secure-next-auth.session-token"
RENEW_BEFORE_SECONDS = 60.0


class FlowSession:
    """The access token of one Flow account. Thread-safe: threads that meet a dead token together renew it once."""

    def __init__(
        self, client: httpx.Client, session_url: str, session_token: str | None, access_token: str | None
    ) -> None:
        self._client = client
        self._session_url = session_url
        self._session_token = session_token
        self._lock = threading.Lock()
        self._access_token = access_token
        self._expires_at: float | None = None

    def access_token(self) -> str:
        """Return a token that is worth trying. Raises GenerationError when there is none to be had."""
        with self._lock:
            if self._access_token is None or self._is_old():
                self._renew()
            return self._held()

    def token_after(self, refused: str) -> str:
        """Return a token newer than the `refused` one. Raises GenerationError when there is none to be had."""
        with self._lock:
            if self._access_token == refused:
                self._renew()
            return self._held()

    def _held(self) -> str:
        if self._access_token is None or not _fits_a_header(self._access_token):
            raise GenerationError("provider_unauthorized", "session: no access token, or one that no header can carry")
        return self._access_token

    def _is_old(self) -> bool:
        return self._expires_at is not None and time.time() > self._expires_at - RENEW_BEFORE_SECONDS

    def _renew(self) -> None:
        if self._session_token is None or not _fits_a_header(self._session_token):
            raise GenerationError("provider_unauthorized", "session: the access token is dead and no session is set")
        answer = self._fetch(self._session_token)
        token = answer.get("access_token")
        if answer.get("error") or not isinstance(token, str) or not token:
            raise GenerationError("provider_unauthorized", "session: it has ended; sign in to Flow again")
        self._access_token, self._expires_at = token, _unix_time(answer.get("expires"))

    def _fetch(self, session_token: str) -> dict[str, Any]:
        try:
            response = self._client.get(self._session_url, headers={"Cookie": f"{COOKIE}={session_token}"})
            response.raise_for_status()
            answer = response.json()
        except httpx.HTTPStatusError as error:
            raise GenerationError(
                _code(error.response.status_code), f"session: HTTP {error.response.status_code}"
            ) from error
        except (httpx.RequestError, ValueError) as error:
            raise GenerationError("provider_unavailable", f"session: {type(error).__name__}") from error
        return answer if isinstance(answer, dict) else {}


def _fits_a_header(token: str) -> bool:
    return token != "" and token.isascii() and token.isprintable() and " " not in token


def _code(status: int) -> str:
    return "provider_unavailable" if status == 429 or status >= 500 else "provider_unauthorized"


def _unix_time(text: object) -> float | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
