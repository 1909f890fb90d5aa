"""POST /videos/{id}/view {"sessionId"?}: somebody looks at a finished video."""

from shared.answers import Answer
from shared.call import Call
from shared.config import settings
from shared.db.write import write
from shared.endpoint import endpoint
from shared.fields import only_fields, path_id, text_field

MAX_SESSION_CHARACTERS = 128
SQL = """
SELECT * FROM logic.view_video(
    CAST(:user_id AS uuid), CAST(:email AS text), CAST(:username AS text), CAST(:video_id AS uuid),
    CAST(:session_id AS text), CAST(:viewer AS text), CAST(:subject AS text), CAST(:window_seconds AS double precision))
"""


@endpoint("POST", "/videos/{id}/view", access="optional", signed=True)
def videos_view(call: Call) -> Answer:
    """Answer `{"success": true}`; counted once for each viewer (user, else session, else address) and window."""
    only_fields(call.body, "sessionId")
    is_given = call.body.get("sessionId") is not None
    session_id = text_field(call.body, "sessionId", MAX_SESSION_CHARACTERS) if is_given else None
    user = call.user
    subject = str(user.id) if user else f"address:{call.address}"
    answer, _ = write(
        SQL,
        user_id=call.viewer_id,
        email=user.email if user else None,
        username=user.username if user else None,
        video_id=path_id(call.parameters, "video_not_found"),
        session_id=session_id,
        viewer=subject if user or session_id is None else f"session:{session_id}",
        # A session is whatever the caller says: the allowance is the address's.
        subject=subject,
        window_seconds=settings().video_view_window_seconds,
    )
    return answer
