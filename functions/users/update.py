"""PATCH /users/{id} {"username"?, "avatarUrl"?}: the owner changes their profile."""

import re
from typing import Any
from urllib.parse import urlsplit

from shared.answers import Answer
from shared.call import Call
from shared.db.write import write
from shared.endpoint import endpoint
from shared.errors import ApiError, invalid_field
from shared.fields import only_fields, path_id, text_field

MAX_AVATAR_URL_CHARACTERS = 2048
SQL = """
SELECT * FROM logic.update_profile(
    CAST(:user_id AS uuid), CAST(:email AS text), CAST(:username AS text),
    CAST(:new_username AS text), CAST(:sets_avatar AS boolean), CAST(:avatar_url AS text))
"""
# The frontend sends a Partial<UserProfile>: these may come along and change nothing.
_READ_ONLY = (
    "id",
    "email",
    "videosCreated",
    "totalLikes",
    "totalDislikes",
    "lastActiveAt",
    "createdAt",
    "rank",
    "creatorScore",
)
# Checked before it is made lower case: some letters of other scripts have an ASCII one for it.
_USERNAME = re.compile(r"[A-Za-z0-9_.]{3,30}")
_VISIBLE = re.compile(r"[^\s\\<>\"\x00-\x1f\x7f]+")


@endpoint("PATCH", "/users/{id}", access="account", signed=True)
def users_update(call: Call) -> Answer:
    """Answer the UserProfile as it is now; 409 `username_taken`, 403 `not_owner` for anybody else's."""
    user = call.signed_in
    if path_id(call.parameters, "user_not_found") != user.id:
        raise ApiError("not_owner")
    only_fields(call.body, "username", "avatarUrl", *_READ_ONLY)
    answer, _ = write(
        SQL,
        bucket="profile",
        user_id=user.id,
        email=user.email,
        username=user.username,
        new_username=_username(call.body) if "username" in call.body else None,
        sets_avatar="avatarUrl" in call.body,
        avatar_url=_avatar_url(call.body),
    )
    return answer


def _username(body: dict[str, Any]) -> str:
    name = text_field(body, "username", 30)
    if not _USERNAME.fullmatch(name):
        raise invalid_field("username", "must have 3 to 30 characters of a-z, 0-9, underscore and dot")
    return name.lower()


def _avatar_url(body: dict[str, Any]) -> str | None:
    """Return the address of the picture; None takes it away."""
    if body.get("avatarUrl") is None:
        return None
    url = text_field(body, "avatarUrl", MAX_AVATAR_URL_CHARACTERS)
    try:
        parts = urlsplit(url)
        is_good = parts.scheme == "https" and bool(parts.hostname) and _VISIBLE.fullmatch(url) is not None
    except ValueError:
        is_good = False
    if not is_good:
        raise invalid_field("avatarUrl", "must be an https address")
    return url
