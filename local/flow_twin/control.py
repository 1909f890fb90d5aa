"""The twin's remote control: choose what the next generations come to, their speed, and see what was asked for.

JSON in, JSON out, below `/control`; there is nothing to sign in to.
"""

import math
from typing import Any

from flask import Blueprint, Response, abort, jsonify, make_response, request

from local.flow_twin.outcomes import OUTCOMES
from local.flow_twin.state import Operation, State

TIMES = {
    "secondsPerClip": "seconds_per_clip",
    "hangSeconds": "hang_seconds",
    "tokenSeconds": "token_seconds",
    "urlSeconds": "url_seconds",
}
SESSIONS = ("alive", "dead", "refresh_needed")


def control_blueprint(state: State) -> Blueprint:
    """Return the routes of the remote control over `state`."""
    control = Control(state)
    blueprint = Blueprint("control", __name__)
    blueprint.add_url_rule("", view_func=control.show)
    blueprint.add_url_rule("/settings", view_func=control.change, methods=["POST"])
    blueprint.add_url_rule("/outcomes", view_func=control.outcomes)
    blueprint.add_url_rule("/outcome", view_func=control.arm, methods=["POST"])
    blueprint.add_url_rule("/outcome", view_func=control.disarm, methods=["DELETE"])
    blueprint.add_url_rule("/tokens/revoke", view_func=control.revoke_tokens, methods=["POST"])
    blueprint.add_url_rule("/operations", view_func=control.operations)
    blueprint.add_url_rule("/operations/<name>", view_func=control.operation)
    blueprint.add_url_rule("/operations/<name>/outcome", view_func=control.change_operation, methods=["POST"])
    return blueprint


class Control:
    """What the buttons do."""

    def __init__(self, state: State) -> None:
        self._state = state

    def show(self) -> Response:
        """GET /control: the settings, what is armed, and how many clips were bought."""
        known = self._state.settings()
        shown = {name: known[key] for name, key in TIMES.items()}
        counts = {"submissions": self._state.clips_bought(), "credits": self._state.credits()}
        return jsonify({**shown, **counts, "session": known["session"], "armed": self._state.armed()})

    def change(self) -> Response:
        """POST /control/settings {"secondsPerClip": 3, "session": "dead", …}: change what is named."""
        changes = _object()
        for name, value in changes.items():
            if name == "session" and value in SESSIONS:
                continue
            if name not in TIMES or not _is_seconds(value):
                _refuse(f"{name} cannot be set to {value!r}.")
        for name, value in changes.items():
            self._state.set(TIMES.get(name, name), value)
        return self.show()

    def outcomes(self) -> Response:
        """GET /control/outcomes: every name that can be armed, and what it does."""
        return jsonify(OUTCOMES)

    def arm(self) -> Response:
        """POST /control/outcome {"outcome", "submissions": 1, "times": null}.

        The next `submissions` requests (null: all that follow) get this outcome; `times` limits how often one operation
        plays it before it behaves (null: always).
        """
        body = _object()
        outcome, times = _outcome(body)
        self._state.arm(outcome, _count(body, "submissions", 1), times)
        return self.show()

    def disarm(self) -> Response:
        """DELETE /control/outcome: every following generation works out."""
        self._state.disarm()
        return self.show()

    def revoke_tokens(self) -> Response:
        """POST /control/tokens/revoke: every access token handed out so far gets 401."""
        self._state.revoke_tokens()
        return self.show()

    def operations(self) -> Response:
        """GET /control/operations: all of them, the newest first."""
        return jsonify([_shown(each) for each in self._state.operations()])

    def operation(self, name: str) -> Response:
        """GET /control/operations/NAME."""
        found = self._state.operation(name)
        return jsonify(_shown(found)) if found else _refuse("There is no such operation.", 404)

    def change_operation(self, name: str) -> Response:
        """POST /control/operations/NAME/outcome {"outcome", "times": null}: change the fate of one that exists."""
        outcome, times = _outcome(_object())
        self._state.change_outcome(name, outcome, times)
        return self.operation(name)


def _shown(operation: Operation) -> dict[str, Any]:
    return {
        "name": operation.name,
        "sceneId": operation.scene_id,
        "prompt": operation.prompt,
        "aspectRatio": operation.aspect_ratio,
        "model": operation.model,
        "seed": operation.seed,
        "outcome": operation.outcome,
        "timesLeft": operation.times_left,
        "createdAt": operation.created_at,
        "polls": operation.polls,
        "status": operation.status,
    }


def _object() -> dict[str, Any]:
    body = request.get_json(force=True, silent=True)
    return body if isinstance(body, dict) else _refuse("Send a JSON object.")


def _outcome(body: dict[str, Any]) -> tuple[str, int | None]:
    if body.get("outcome") not in OUTCOMES:
        _refuse(f"outcome must be one of {', '.join(OUTCOMES)}.")
    return body["outcome"], _count(body, "times", None)


def _count(body: dict[str, Any], name: str, default: int | None) -> int | None:
    count = body.get(name, default)
    if count is not None and (not isinstance(count, int) or isinstance(count, bool) or count < 1):
        _refuse(f"{name} must be a whole number from 1, or null.")
    return count


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and math.isfinite(value)


def _refuse(message: str, status: int = 400) -> Any:
    abort(make_response(jsonify({"message": message}), status))
