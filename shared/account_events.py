"""What Supabase tells about an account, read from the two kinds of messages it sends."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from shared.auth import account_names
from shared.errors import invalid_field
from shared.profiles import is_avatar_url

_AVATAR_NAMES = ("avatar_url", "picture")


@dataclass(frozen=True)
class AccountEvent:
    """One account that was made, changed or deleted. `new_username` and `avatar_url` are None for "leave it".

    `makes_profile` tells whether a profile that is not there is to be made.
    """

    id: UUID
    is_deleted: bool
    is_anonymous: bool
    makes_profile: bool
    email: str
    username: str
    new_username: str | None
    avatar_url: str | None


def read_account_event(body: dict[str, Any]) -> AccountEvent:
    """Read a database webhook's message about a row of `auth.users`, or an Auth hook's message about a user.

    Raises ApiError `validation_failed` for anything else.
    """
    if isinstance(body.get("user"), dict):
        return _event("INSERT", body["user"], {}, metadata_name="user_metadata")
    kind = body.get("type")
    if (body.get("schema"), body.get("table")) != ("auth", "users") or kind not in ("INSERT", "UPDATE", "DELETE"):
        raise invalid_field("body", "must tell of a row of auth.users or of a user")
    record, old_record = ({} if body.get(name) is None else body[name] for name in ("record", "old_record"))
    if kind == "DELETE":
        record = old_record
    if not isinstance(record, dict) or not isinstance(old_record, dict):
        raise invalid_field("record", "must be an object")
    return _event(kind, record, old_record, metadata_name="raw_user_meta_data")


def _event(kind: str, record: dict[str, Any], old_record: dict[str, Any], *, metadata_name: str) -> AccountEvent:
    try:
        user_id = UUID(record.get("id"))
    except (ValueError, AttributeError, TypeError) as error:
        raise invalid_field("id", "must be a UUID") from error
    metadata, old_metadata = record.get(metadata_name), old_record.get(metadata_name)
    email, username = account_names(record.get("email"), metadata)
    _, old_username = account_names(None, old_metadata)
    avatar_url = _avatar_url(metadata)
    # A row of auth.users changes at every sign-in: what its owner set in the profile since then must stay.
    is_update = kind == "UPDATE"
    is_anonymous = record.get("is_anonymous") is True
    return AccountEvent(
        id=user_id,
        is_deleted=kind == "DELETE",
        is_anonymous=is_anonymous,
        # Messages overtake each other: a change may be told of an account whose deletion was told before, and must not
        # bring its profile back. Only becoming a person is a beginning too.
        makes_profile=not is_update or (old_record.get("is_anonymous") is True and not is_anonymous),
        email=email,
        username=username,
        new_username=username if is_update and username != old_username else None,
        avatar_url=None if is_update and avatar_url == _avatar_url(old_metadata) else avatar_url,
    )


def _avatar_url(metadata: Any) -> str | None:
    values = [metadata.get(name) for name in _AVATAR_NAMES] if isinstance(metadata, dict) else []
    return next((value for value in values if is_avatar_url(value)), None)
