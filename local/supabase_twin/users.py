"""People: rows of the store, and the JSON that supabase-js knows as a User."""

import json
import re
import sqlite3
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.supabase_twin.errors import AuthError, validation_failed

MAXIMUM_EMAIL_CHARACTERS = 255
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
EMAIL_PATTERN = re.compile(rf"[a-zA-Z0-9.!#$%&'*+/=?^_`{{|}}~-]+@{_LABEL}(?:\.{_LABEL})*")


@dataclass(frozen=True)
class User:
    """One person. `password_hash` is None for those who only sign in through a provider, `email` for guests."""

    id: str
    email: str | None
    password_hash: str | None
    app_metadata: dict[str, Any]
    user_metadata: dict[str, Any]
    is_anonymous: bool
    created_at: float
    updated_at: float
    last_sign_in_at: float | None


def checked_email(text: str) -> str:
    """Return the e-mail address in lower case. Raises AuthError when it is none."""
    if not text:
        raise validation_failed("An email address is required")
    if len(text) > MAXIMUM_EMAIL_CHARACTERS:
        raise validation_failed("An email address is too long")
    if not EMAIL_PATTERN.fullmatch(text):
        raise validation_failed("Unable to validate email address: invalid format")
    return text.lower()


def find_user(connection: sqlite3.Connection, user_id: str) -> User | None:
    """Return the person with this id, or None."""
    return _user(connection.execute("SELECT * FROM users WHERE id = ?", (user_id,)).fetchone())


def find_user_by_email(connection: sqlite3.Connection, email: str) -> User | None:
    """Return the person with this lower-case address, or None."""
    return _user(connection.execute("SELECT * FROM users WHERE email = ?", (email,)).fetchone())


def insert_user(
    connection: sqlite3.Connection,
    now: float,
    *,
    email: str | None,
    password_hash: str | None = None,
    metadata: dict[str, Any],
) -> User:
    """Add a person, a guest when there is no e-mail address. Raises AuthError when the address is taken."""
    user = User(str(uuid.uuid4()), email, password_hash, {}, metadata, email is None, now, now, None)
    try:
        connection.execute("INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(user))
    except sqlite3.IntegrityError as error:
        raise AuthError(422, "user_already_exists", "User already registered") from error
    return user


def save_user(connection: sqlite3.Connection, user: User) -> None:
    """Write a changed person back. Raises AuthError when the new e-mail address is taken."""
    statement = """UPDATE users SET (id, email, password_hash, app_metadata, user_metadata, is_anonymous, created_at,
        updated_at, last_sign_in_at) = (?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?"""
    try:
        connection.execute(statement, (*_row(user), user.id))
    except sqlite3.IntegrityError as error:
        message = "A user with this email address has already been registered"
        raise AuthError(422, "email_exists", message) from error


def user_json(connection: sqlite3.Connection, user: User) -> dict[str, Any]:
    """Return the person as the service shows them; the password hash never leaves."""
    confirmed_at = None if user.is_anonymous else timestamp(user.created_at)
    shown: dict[str, Any] = {
        "id": user.id,
        "aud": "authenticated",
        "role": "authenticated",
        "email": user.email or "",
        "email_confirmed_at": confirmed_at,
        "phone": "",
        "confirmed_at": confirmed_at,
        "last_sign_in_at": timestamp(user.last_sign_in_at),
        "app_metadata": user.app_metadata,
        "user_metadata": user.user_metadata,
        "identities": _identities_json(connection, user.id),
        "created_at": timestamp(user.created_at),
        "updated_at": timestamp(user.updated_at),
        "is_anonymous": user.is_anonymous,
    }
    return {name: value for name, value in shown.items() if value is not None}


def timestamp(unix_seconds: float | None) -> str | None:
    """Return a moment as RFC 3339 text in UTC, or None."""
    if unix_seconds is None:
        return None
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _identities_json(connection: sqlite3.Connection, user_id: str) -> list[dict[str, Any]]:
    rows = connection.execute("SELECT * FROM identities WHERE user_id = ? ORDER BY created_at", (user_id,))
    return [_identity_json(row) for row in rows]


def _identity_json(row: sqlite3.Row) -> dict[str, Any]:
    data = json.loads(row["identity_data"])
    return {
        "identity_id": row["id"],
        "id": row["provider_id"],
        "user_id": row["user_id"],
        "identity_data": data,
        "provider": row["provider"],
        "last_sign_in_at": timestamp(row["last_sign_in_at"]),
        "created_at": timestamp(row["created_at"]),
        "updated_at": timestamp(row["last_sign_in_at"]),
        "email": data.get("email", ""),
    }


def _user(row: sqlite3.Row | None) -> User | None:
    if row is None:
        return None
    values = dict(row)
    values["app_metadata"] = json.loads(values["app_metadata"])
    values["user_metadata"] = json.loads(values["user_metadata"])
    values["is_anonymous"] = bool(values["is_anonymous"])
    return User(**values)


def _row(user: User) -> tuple[object, ...]:
    metadata = (json.dumps(user.app_metadata), json.dumps(user.user_metadata))
    times = (user.created_at, user.updated_at, user.last_sign_in_at)
    return (user.id, user.email, user.password_hash, *metadata, user.is_anonymous, *times)
