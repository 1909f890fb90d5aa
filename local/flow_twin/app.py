"""The Flow twin: Google Flow's `operations[]` contract on a laptop, with real clips and every known way to fail.

`create_app` gives a WSGI application to be mounted anywhere; `python -m local.flow_twin` runs it alone.
"""

import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask, Response, jsonify, request

from local.flow_twin import files, validation, wire
from local.flow_twin.control import control_blueprint
from local.flow_twin.outcomes import HTTP_FAULTS, OPERATION_FAULTS
from local.flow_twin.rendering import CLIP_SECONDS
from local.flow_twin.state import Operation, State
from local.flow_twin.studio import RenderingFailed, Studio

SESSION_COOKIE = "__Secure-next-auth.session-token"
PACE = {"fast": 0.1, "slow": 5.0}
PENDING_SHARE = 0.2
DAMAGES = ("truncated_file", "cut_connection", "wrong_bytes")


def create_app(
    state_dir: Path,
    public_base_url: str,
    *,
    access_token: str = "ya29.flow-twin",  # noqa: S107 opens nothing but the twin
    session_token: str = "flow-twin-session",  # noqa: S107 opens nothing but the twin
    clip_seconds: float = CLIP_SECONDS,
) -> Flask:
    """Return the twin as a WSGI application that keeps operations and clips in `state_dir`.

    `public_base_url` is the address clients reach it at, mount point included; clips are announced below it.
    `access_token` is a bearer that is always accepted, beside those the session endpoint hands out for `session_token`.
    """
    state = State(state_dir / "flow_twin.sqlite3")
    studio = Studio(state_dir / "clips", clip_seconds)
    twin = FlowTwin(state, studio, public_base_url.rstrip("/"), access_token, session_token)
    app = Flask("flow_twin")
    app.add_url_rule("/fx/api/auth/session", view_func=twin.session)
    app.add_url_rule("/v1/video:batchAsyncGenerateVideoText", view_func=twin.submit, methods=["POST"])
    app.add_url_rule("/v1/video:batchCheckAsyncVideoGenerationStatus", view_func=twin.poll, methods=["POST"])
    app.add_url_rule("/files/<any(video, image):kind>/<uuid:media_id>", view_func=twin.file)
    app.register_blueprint(control_blueprint(state), url_prefix="/control")
    return app


class FlowTwin:
    """The three calls of the contract and the file host."""

    def __init__(
        self, state: State, studio: Studio, public_base_url: str, access_token: str, session_token: str
    ) -> None:
        self._state = state
        self._studio = studio
        self._public_base_url = public_base_url
        self._access_token = access_token
        self._session_token = session_token

    def session(self) -> Response:
        """GET /fx/api/auth/session: an access token for the session's cookie; a dead session gets 200 and nothing."""
        known = self._state.settings()
        if request.cookies.get(SESSION_COOKIE) != self._session_token or known["session"] == "dead":
            return jsonify({})
        token, expires_at = self._state.issue_token(known["token_seconds"])
        answer = {
            "user": {"name": "Flow Twin", "email": files.ACCOUNT},
            "expires": datetime.fromtimestamp(expires_at, UTC).isoformat().replace("+00:00", "Z"),
            "access_token": token,
        }
        if known["session"] == "refresh_needed":
            answer["error"] = "ACCESS_TOKEN_REFRESH_NEEDED"
        return jsonify(answer)

    def submit(self) -> Response:
        """POST /v1/video:batchAsyncGenerateVideoText: accept one to four clips."""
        body = wire.read_body(request)
        if refused := self._unauthorized() or wire.invalid(validation.submit_problem(body)):
            return refused
        outcome, times = self._state.next_outcome()
        fault = outcome.removeprefix("submit_") if outcome.startswith("submit_") else None
        if fault in HTTP_FAULTS:
            return wire.rpc_error(HTTP_FAULTS[fault])
        entries = [self._accept(each, outcome, times) for each in body["requests"]]
        if fault:
            return self._silence(fault)
        return jsonify({"operations": entries, "remainingCredits": self._state.credits()})

    def _accept(self, asked: dict[str, Any], outcome: str, times: int | None) -> dict[str, Any]:
        operation = Operation(
            name=uuid.uuid4().hex,
            scene_id=asked["metadata"]["sceneId"],
            prompt=asked["textInput"]["prompt"],
            aspect_ratio=validation.ASPECT_RATIOS[asked["aspectRatio"]],
            model=asked["videoModelKey"],
            seed=asked["seed"],
            outcome=outcome,
            times_left=times,
            created_at=time.time(),
            polls=0,
            status=wire.STATUS_PREFIX + "PENDING",
        )
        self._state.add(operation)
        self._is_rendered(operation)
        return wire.entry(operation, operation.status)

    def poll(self) -> Response:
        """POST /v1/video:batchCheckAsyncVideoGenerationStatus: tell how far each of the named operations is."""
        body = wire.read_body(request)
        if refused := self._unauthorized() or wire.invalid(validation.poll_problem(body)):
            return refused
        entries = []
        for each in body["operations"]:
            operation = self._state.operation(each["operation"]["name"])
            if operation is None or operation.outcome == "vanished":
                return wire.rpc_error(HTTP_FAULTS["not_found"])
            if broken := self._poll_fault(operation):
                return broken
            entries.append({**self._report(operation), "sceneId": each["sceneId"]})
        answer: dict[str, Any] = {"operations": entries}
        if all(each["status"].endswith(("SUCCESSFUL", "FAILED")) for each in entries):
            answer["remainingCredits"] = self._state.credits()
        return jsonify(answer)

    def _poll_fault(self, operation: Operation) -> Response | None:
        fault = operation.outcome.removeprefix("poll_")
        if fault == operation.outcome or not self._state.use_fault(operation.name):
            return None
        self._state.note_poll(operation.name, operation.outcome)
        return wire.rpc_error(HTTP_FAULTS[fault]) if fault in HTTP_FAULTS else self._silence(fault)

    def _report(self, operation: Operation) -> dict[str, Any]:
        stage = self._stage(operation)
        entry = wire.entry(operation, wire.STATUS_PREFIX + stage)
        self._state.note_poll(operation.name, entry["status"])
        fault = OPERATION_FAULTS.get(operation.outcome)
        if stage == "FAILED" and fault:
            place = entry if fault.on_entry else entry["operation"]
            place["error"] = {"code": fault.code, "message": fault.message}
        if stage == "SUCCESSFUL":
            expired = operation.outcome == "expired_url" and self._state.use_fault(operation.name)
            urls = [self._url(operation, kind, expired=expired) for kind in ("video", "image")]
            entry["operation"]["metadata"] = wire.media(operation, *urls)
            entry["mediaGenerationId"] = wire.media_generation_id(operation)
        return entry

    def _stage(self, operation: Operation) -> str:
        seconds = self._state.settings()["seconds_per_clip"] * PACE.get(operation.outcome, 1.0)
        passed_seconds = time.time() - operation.created_at
        if passed_seconds >= seconds and operation.outcome != "frozen":
            if operation.outcome in OPERATION_FAULTS or operation.outcome == "failed_without_error":
                return "FAILED"
            if self._is_rendered(operation):
                return "FAILED" if operation.outcome == "generation_failed" else "SUCCESSFUL"
        if operation.outcome == "unknown_status":
            return "DREAMING"
        return "PENDING" if passed_seconds < seconds * PENDING_SHARE else "ACTIVE"

    def _is_rendered(self, operation: Operation) -> bool:
        """Tell whether nothing more is to be waited for; a clip that cannot be rendered becomes a failed one."""
        try:
            return self._clip(operation) is not None
        except RenderingFailed:
            operation.outcome = "generation_failed"
            self._state.change_outcome(operation.name, operation.outcome, None)
            return True

    def _clip(self, operation: Operation) -> Path | None:
        faststart = operation.outcome != "moov_last"
        return self._studio.clip(operation.prompt, operation.aspect_ratio, operation.seed, faststart=faststart)

    def _url(self, operation: Operation, kind: str, *, expired: bool) -> str:
        known = self._state.settings()
        expires_at = time.time() + (-60 if expired else known["url_seconds"])
        path = f"files/{kind}/{uuid.UUID(operation.name)}"
        return files.signed_url(self._public_base_url, path, known["signing_key"], expires_at)

    def file(self, kind: str, media_id: uuid.UUID) -> Response:
        """GET /files/video/… and /files/image/…: the clip and its poster."""
        path = f"files/{kind}/{media_id}"
        if refused := files.refusal(request, path, self._state.settings()["signing_key"]):
            return refused
        operation = self._state.operation(media_id.hex)
        clip = self._clip(operation) if operation else None
        if operation is None or clip is None:
            return Response("The specified object does not exist.", 404)
        if kind == "image":
            return files.whole_file(clip.with_suffix(".jpg"), "image/jpeg")
        if operation.outcome in DAMAGES and request.method == "GET" and self._state.use_fault(operation.name):
            return files.damaged_file(clip, operation.outcome)
        return files.whole_file(clip, "video/mp4")

    def _unauthorized(self) -> Response | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and (token == self._access_token or self._state.knows_token(token)):
            return None
        return wire.rpc_error(HTTP_FAULTS["unauthorized"])

    def _silence(self, fault: str) -> Response:
        if fault == "empty":
            return Response(b"", mimetype="application/json")
        if fault == "not_json":
            return Response(files.PAGE, mimetype="text/html")
        time.sleep(self._state.settings()["hang_seconds"])
        return files.broken_connection()
