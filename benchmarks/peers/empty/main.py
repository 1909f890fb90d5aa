"""The floor: a function that does nothing, on the same framework. No code of ours is in it."""

import flask


def empty(request: flask.Request) -> str:  # noqa: ARG001 - the framework hands it over
    """Answer two letters."""
    return "ok"
