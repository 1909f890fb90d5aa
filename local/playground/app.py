"""The playground's own little server: the page and its files, what the page must know, and the look behind the API."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from flask import Flask, Response, jsonify, send_from_directory

from local.demo_people import demo_accounts
from local.playground.inspection import read_queue, read_trail
from shared.answers import error_answer
from shared.config import Settings, settings
from shared.errors import ApiError

_STATIC = Path(__file__).parent / "static"


def create_app(stand_ins: list[str]) -> Flask:
    """Return the WSGI application to be mounted at `/` (for the page) and at `/playground`.

    `stand_ins` names the twins that run behind the same port; the page offers their controls.
    """
    app = Flask("local.playground", static_folder=None)
    app.add_url_rule("/", "page", lambda: _file("index.html"))
    app.add_url_rule("/static/<path:name>", "file", _file)
    app.add_url_rule("/config.json", "config", lambda: jsonify(_config(settings(), stand_ins)))
    app.add_url_rule("/queue.json", "queue", lambda: jsonify(read_queue()))
    app.add_url_rule("/jobs/<uuid:job_or_video_id>.json", "trail", _trail)
    app.register_error_handler(ApiError, _refuse)
    app.after_request(_protect)
    return app


def _file(name: str) -> Response:
    response = send_from_directory(_STATIC, name)
    # A developer who changes the page wants to see it; the ETag keeps that cheap.
    response.headers["Cache-Control"] = "no-cache"
    return response


def _config(current: Settings, stand_ins: list[str]) -> dict[str, Any]:
    return {
        "supabaseUrl": current.supabase_url,
        "supabaseAnonKey": current.supabase_anon_key,
        "standIns": stand_ins,
        "parts": {
            "Sign-in": "Supabase twin" if "supabase" in stand_ins else str(current.supabase_url),
            "Renderer": "Flow twin" if "flow" in stand_ins else current.generation_provider,
            "Media": current.gcs_bucket if current.media_storage_backend == "gcp" else "files on this machine",
            "Queue": "Cloud Tasks" if current.task_queue_backend == "cloud_tasks" else "SQLite on this machine",
        },
        "demoAccounts": demo_accounts() if "supabase" in stand_ins else [],
    }


def _trail(job_or_video_id: UUID) -> Response:
    trail = read_trail(job_or_video_id)
    if trail is None:
        raise ApiError("not_found")
    return jsonify(trail)


def _refuse(error: ApiError) -> Response:
    answer = error_answer(error, "playground")
    return Response(answer.body, answer.status, answer.headers, content_type=answer.content_type)


def _protect(response: Response) -> Response:
    """Let the page run its own files and nothing else, and talk to this service and Supabase alone."""
    current = settings()
    media = " ".join(_media_origins(current))
    response.headers["Content-Security-Policy"] = "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' data: https: {media}",
            f"media-src 'self' {media}",
            f"connect-src 'self' {_origin(current.supabase_url)}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _media_origins(current: Settings) -> list[str]:
    addresses = (current.media_public_url, current.gcs_emulator_url, "https://storage.googleapis.com")
    return [origin for origin in map(_origin, addresses) if origin]


def _origin(url: str | None) -> str:
    parts = urlsplit(url or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
