"""Where a sign-in may lead back to: only to addresses below those on the list."""

import re
from urllib.parse import SplitResult, unquote, urlsplit

# Browsers take `\` for `/`, and drop tabs and line breaks: such an address is not what it looks like.
_PLAIN = re.compile(r"[\x21-\x5b\x5d-\x7e]+")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_allowed_redirect(target: str, allow_list: tuple[str, ...]) -> bool:
    """Tell whether `target` has the very origin of an address on the list and, if that has a path, lies below it."""
    if not _PLAIN.fullmatch(target):
        return False
    try:
        parts = urlsplit(target)
        allowed = [urlsplit(entry) for entry in allow_list]
        return "@" not in parts.netloc and any(_lies_below(parts, entry) for entry in allowed)
    except ValueError:
        return False


def _lies_below(target: SplitResult, allowed: SplitResult) -> bool:
    if _origin(target) != _origin(allowed):
        return False
    # Browsers walk up at dot segments, also at escaped ones.
    if {".", ".."} & set(unquote(target.path).split("/")):
        return False
    base = allowed.path.rstrip("/")
    return target.path == base or target.path.startswith(base + "/") or not base


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
