"""The door: one archive, one requirements.txt, one entry point a route.

functions-framework asks this module for its target by name. Only then is that one function's module imported, so each
function pays at its cold start for its own imports and no others'.
"""

import importlib
from typing import Any

import flask

from shared.config import settings
from shared.endpoint import check_settings
from shared.framework import speak_json

ENTRY_POINTS = {
    "videos_feed": "functions.videos.feed",
    "videos_get": "functions.videos.get",
    "videos_create": "functions.videos.create",
    "videos_recreate": "functions.videos.recreate",
    "videos_sync_status": "functions.videos.sync_status",
    "videos_like": "functions.videos.like",
    "videos_dislike": "functions.videos.dislike",
    "videos_unreact": "functions.videos.unreact",
    "videos_view": "functions.videos.view",
    "videos_download": "functions.videos.download",
    "users_get": "functions.users.get",
    "users_update": "functions.users.update",
    "users_videos": "functions.users.videos",
    "users_liked": "functions.users.liked",
    "users_top": "functions.users.top",
    "auth_oauth": "functions.auth.oauth",
    "hooks_supabase_user": "functions.hooks.supabase_user",
    "leaderboard_recompute": "functions.leaderboard.recompute",
    "media_serve": "functions.media.serve",
    "health_check": "functions.health.check",
    "docs_page": "functions.docs.page",
    "docs_openapi": "functions.docs.openapi",
    "generate_worker": "functions.generate_worker.worker",
    "jobs_sweep": "functions.jobs.sweep",
}


def __getattr__(name: str) -> Any:
    if name not in ENTRY_POINTS:
        raise AttributeError(f"there is no entry point {name}")
    view = getattr(importlib.import_module(ENTRY_POINTS[name]), name)
    check_settings(view.route, settings())
    return view


# The framework runs this file inside the context of the application it is making.
if flask.has_app_context():
    speak_json(flask.current_app)
