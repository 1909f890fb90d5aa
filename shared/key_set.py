"""Public keys of a token issuer (JWKS, RFC 7517), fetched rarely and kept when the issuer cannot be reached."""

import threading
import time
from typing import Any

from shared.errors import RETRY_AFTER_SECONDS, ApiError
from shared.log import log

FRESH_SECONDS = 600.0
REFETCH_SECONDS = 30.0
# As long as nobody can be let in at all, the wait is the one that callers are told.
RETRY_SECONDS = float(RETRY_AFTER_SECONDS)
_TIMEOUT_SECONDS = 5.0
_NEVER = float("-inf")


class KeySet:
    """The keys behind one URL. Cached ten minutes; an unknown key id asks again, at most every thirty seconds."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._keys: dict[str, Any] = {}
        self._fetched_at = self._tried_at = _NEVER

    def key_for(self, header: dict[str, Any]) -> Any:
        """Return the key, a PyJWK, that `header`'s `kid` names, for its `alg`.

        Raises ApiError `invalid_token` for a key nobody published, `auth_unavailable` (503) when no keys were ever had.
        """
        key_id = str(header.get("kid"))
        if key_id not in self._keys or self._age_seconds(self._fetched_at) > FRESH_SECONDS:
            self._refresh(key_id)
        if self._fetched_at == _NEVER:
            raise ApiError("auth_unavailable", cause=f"no keys from {self._url}")
        key = self._keys.get(key_id)
        if key is None or key.algorithm_name != header.get("alg"):
            raise ApiError("invalid_token", cause="unknown key or algorithm")
        return key

    def _age_seconds(self, moment: float) -> float:
        return time.monotonic() - moment

    def _refresh(self, key_id: str) -> None:
        # One thread fetches. Who has an old key to go on with does not wait for it; the others wait, and then find
        # that it was tried a moment ago.
        if not self._lock.acquire(blocking=key_id not in self._keys):
            return
        try:
            is_fresh = self._age_seconds(self._fetched_at) <= FRESH_SECONDS
            pause = RETRY_SECONDS if self._fetched_at == _NEVER else REFETCH_SECONDS
            if (key_id in self._keys and is_fresh) or self._age_seconds(self._tried_at) < pause:
                return
            self._tried_at = time.monotonic()
            keys = self._fetch()
            if keys is not None:
                self._keys, self._fetched_at = keys, time.monotonic()
        finally:
            self._lock.release()

    def _fetch(self) -> dict[str, Any] | None:
        import httpx  # noqa: PLC0415 - once in ten minutes, and never with HS256
        import jwt  # noqa: PLC0415 - already imported by whoever has a token to check

        try:
            response = httpx.get(self._url, timeout=_TIMEOUT_SECONDS)
            document = response.raise_for_status().json()
            # An issuer that has published no key yet has told so; PyJWT takes it for a broken document.
            if document["keys"] == []:
                return {}
            return {str(key.key_id): key for key in jwt.PyJWKSet.from_dict(document).keys}
        # Whatever is wrong with the answer, keys we already have stay good.
        except (httpx.HTTPError, ValueError, TypeError, LookupError, AttributeError, jwt.PyJWTError) as error:
            log("key_set_fetch_failed", "WARNING", url=self._url, reason=str(error))
            return None
