"""PATCH /users/{id} {"username"?, "avatarUrl"?}: the owner changes their profile."""

from shared.answers import Answer
from shared.call import Call
from shared.db.write import write
from shared.endpoint import endpoint
from shared.errors import ApiError
from shared.fields import only_fields, path_id
from shared.profiles import avatar_field, username_field

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


@endpoint("PATCH", "/users/{id}", access="account", signed=True)
def users_update(call: Call) -> Answer:
    """Answer the UserProfile as it is now; 409 `username_taken`, 403 `not_owner` for anybody else's."""
    user = call.signed_in
    if path_id(call.parameters, "user_not_found") != user.id:
        raise ApiError("not_owner")
    only_fields(call.body, "username", "avatarUrl", *_READ_ONLY)
    answer, _ = write(
        SQL,
        user_id=user.id,
        email=user.email,
        username=user.username,
        new_username=username_field(call.body),
        sets_avatar="avatarUrl" in call.body,
        avatar_url=avatar_field(call.body),
    )
    return answer
