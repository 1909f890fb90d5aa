"""What a profile's own fields may be, whoever sends them."""

import re
from typing import Any
from urllib.parse import urlsplit

from shared.errors import invalid_field
from shared.fields import text_field

MAX_AVATAR_URL_CHARACTERS = 2048
# Checked before it is made lower case: some letters of other scripts have an ASCII one for it.
_USERNAME = re.compile(r"[A-Za-z0-9_.]{3,30}")
_VISIBLE = re.compile(r"[^\s\\<>\"\x00-\x1f\x7f]+")


def username_field(body: dict[str, Any]) -> str | None:
    """Return the `username` in lower case, None when it is not sent. Raises ApiError `validation_failed`."""
    if "username" not in body:
        return None
    name = text_field(body, "username", 30)
    if not _USERNAME.fullmatch(name):
        raise invalid_field("username", "must have 3 to 30 characters of a-z, 0-9, underscore and dot")
    return name.lower()


def avatar_field(body: dict[str, Any]) -> str | None:
    """Return the `avatarUrl`, None when it is null or not sent. Raises ApiError `validation_failed`."""
    if body.get("avatarUrl") is None:
        return None
    url = text_field(body, "avatarUrl", MAX_AVATAR_URL_CHARACTERS)
    if not is_avatar_url(url):
        raise invalid_field("avatarUrl", "must be an https address")
    return url


def is_avatar_url(value: Any) -> bool:
    """Tell whether this is an https address that can be shown as a picture's source."""
    if not isinstance(value, str) or len(value) > MAX_AVATAR_URL_CHARACTERS or not _VISIBLE.fullmatch(value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme == "https" and bool(parts.hostname) and value.isprintable()
    except ValueError:
        return False
