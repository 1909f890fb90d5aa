"""Setting somebody's reaction to a video, for the three routes that do."""

from typing import Literal

from shared.answers import Answer
from shared.call import Call
from shared.db.write import write
from shared.fields import path_id

SQL = """
SELECT * FROM logic.react(
    CAST(:user_id AS uuid), CAST(:email AS text), CAST(:username AS text), CAST(:video_id AS uuid),
    CAST(:reaction AS reaction_kind))
"""


def react(call: Call, reaction: Literal["like", "dislike"] | None) -> Answer:
    """Make this the caller's reaction, None to take it back; the same one again changes nothing.

    Raises ApiError `video_not_found`, `video_not_ready` or `rate_limited`.
    """
    user = call.signed_in
    answer, _ = write(
        SQL,
        user_id=user.id,
        email=user.email,
        username=user.username,
        video_id=path_id(call.parameters, "video_not_found"),
        reaction=reaction,
    )
    return answer
