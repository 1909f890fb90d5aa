"""What functions-framework itself would answer in HTML, answered as the edge does."""

from uuid import uuid4

import flask
from werkzeug.exceptions import HTTPException

from shared.answers import error_answer, framework_error
from shared.errors import ApiError
from shared.log import log_crash


def speak_json(app: flask.Flask) -> None:
    """Make `app` answer in JSON what never reaches a function: /robots.txt, a broken request."""
    # A doubled slash would be answered by a redirect page; it is simply another address.
    app.url_map.merge_slashes = False
    app.register_error_handler(Exception, _answer)


def _answer(error: Exception) -> flask.Response:
    if isinstance(error, HTTPException):
        problem = framework_error(error)
    else:
        log_crash("framework_crashed", error)
        problem = ApiError("internal_error")
    request_id = uuid4().hex
    answer = error_answer(problem, request_id)
    headers = {**answer.headers, "X-Request-Id": request_id, "X-Content-Type-Options": "nosniff"}
    return flask.Response(answer.body, answer.status, headers, content_type=answer.content_type)
