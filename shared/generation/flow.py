"""Google Flow as a video provider: the `operations[]` contract its web app spoke through 2025.

This is not a public API and may refuse at any time; when it asks for a captcha, that is said and nothing else is tried.
`shared/generation/veo.py` is the supported way to the same model.
"""

import json
import re
from typing import Any

import httpx

from shared.generation.flow_errors import http_failure, operation_failure
from shared.generation.flow_session import FlowSession
from shared.generation.provider import Clip, Progress
from shared.generation.transport import Call, connection_failure, http_client, unreadable_answer
from shared.log import log

ASPECT_RATIOS = {"9:16": "VIDEO_ASPECT_RATIO_PORTRAIT", "16:9": "VIDEO_ASPECT_RATIO_LANDSCAPE"}
# The web app sends JSON under this type.
HEADERS = {
    "Content-Type": "text/plain;charset=UTF-8",
    "Origin": "https://labs.google",
    "Referer": "https://labs.google/",
}
STATUS_PREFIX = "MEDIA_GENERATION_STATUS_"
RUNNING = tuple(STATUS_PREFIX + name for name in ("PENDING", "SCHEDULED", "ACTIVE"))
READY = STATUS_PREFIX + "SUCCESSFUL"
FAILED = STATUS_PREFIX + "FAILED"
_OPERATION_NAME = re.compile(r"[0-9a-f]{32}")


class FlowProvider:
    """One Flow account. URLs are absolute; `model_key` is the landscape key, e.g. `veo_3_1_t2v_fast`."""

    name = "flow"

    def __init__(
        self,
        *,
        generate_url: str,
        status_url: str,
        access_token: str | None,
        session_url: str,
        session_token: str | None,
        project_id: str,
        model_key: str,
        paygate_tier: str,
        client: httpx.Client | None = None,
    ) -> None:
        self._client = client or http_client()
        self._session = FlowSession(self._client, session_url, session_token, access_token)
        self._generate_url = generate_url
        self._status_url = status_url
        self._context = {"projectId": project_id, "tool": "PINHOLE", "userPaygateTier": paygate_tier}
        self._model_key = model_key
        self._logged_statuses: set[str] = set()

    def is_operation_name(self, text: str) -> bool:
        """Tell whether `text` looks like one of Flow's: 32 lower-case hexadecimal digits."""
        return _OPERATION_NAME.fullmatch(text) is not None

    def submit(self, prompt: str, scene_id: str, aspect_ratio: str, seed: int) -> str:
        """Start one clip and return its operation's name; see `Provider.submit`. KeyError: unknown aspect ratio."""
        request = {
            "aspectRatio": ASPECT_RATIOS[aspect_ratio],
            "seed": seed,
            "textInput": {"prompt": prompt},
            "videoModelKey": model_key_for(self._model_key, aspect_ratio),
            "metadata": {"sceneId": scene_id},
        }
        entry = self._entry("submit", self._generate_url, {"clientContext": self._context, "requests": [request]})
        name = _object(entry.get("operation")).get("name")
        if error := _error_of(entry):
            raise operation_failure(error)
        if not isinstance(name, str) or not name:
            raise unreadable_answer("submit", entry)
        return name

    def poll(self, operation_name: str, scene_id: str, last_status: str | None) -> Progress | Clip:
        """Return how far the operation is; see `Provider.poll`."""
        asked = {"operation": {"name": operation_name}, "sceneId": scene_id, "status": last_status or RUNNING[0]}
        entry = self._entry("poll", self._status_url, {"operations": [asked]})
        error, status = _error_of(entry), entry.get("status")
        if error or status == FAILED:
            raise operation_failure(error)
        if not isinstance(status, str):
            raise unreadable_answer("poll", entry)
        if status == READY:
            return _clip(entry)
        if status not in RUNNING:
            self._log_once(status)
        return Progress(status)

    def _log_once(self, status: str) -> None:
        if status not in self._logged_statuses:
            self._logged_statuses.add(status)
            log("flow_status_unlisted", "WARNING", status=status)

    def _entry(self, call: Call, url: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the one item of `operations` that answers `body`."""
        response = self._answer(call, url, body)
        if not response.is_success:
            raise http_failure(call, response.status_code, response.content)
        try:
            entry = response.json()["operations"][0]
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise unreadable_answer(call, response.text) from error
        if not isinstance(entry, dict):
            raise unreadable_answer(call, entry)
        return entry

    def _answer(self, call: Call, url: str, body: dict[str, Any]) -> httpx.Response:
        token = self._session.access_token()
        response = self._post(call, url, body, token)
        if response.status_code != 401:
            return response
        return self._post(call, url, body, self._session.token_after(token))

    def _post(self, call: Call, url: str, body: dict[str, Any], token: str) -> httpx.Response:
        headers = {**HEADERS, "Authorization": f"Bearer {token}"}
        try:
            return self._client.post(url, content=json.dumps(body), headers=headers)
        except httpx.RequestError as error:
            raise connection_failure(call, error) from error


def model_key_for(model_key: str, aspect_ratio: str) -> str:
    """Return the key of the model in this orientation: for "9:16" with `_portrait`, which goes before `_ultra`."""
    if aspect_ratio != "9:16" or "_portrait" in model_key:
        return model_key
    base = model_key.removesuffix("_ultra")
    return base + "_portrait" + model_key[len(base) :]


def _clip(entry: dict[str, Any]) -> Clip:
    video = _object(_object(_object(entry.get("operation")).get("metadata")).get("video"))
    url, poster = video.get("fifeUrl"), video.get("servingBaseUri")
    if not isinstance(url, str) or not url:
        raise unreadable_answer("poll", entry)
    return Clip(url, poster if isinstance(poster, str) and poster else None, READY)


def _error_of(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the operation's error, which sits on it or on its entry; empty when there is none."""
    return _object(_object(entry.get("operation")).get("error")) or _object(entry.get("error"))


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
