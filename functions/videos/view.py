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
    CAST(:session_id AS text), CAST(:viewer AS text), CAST(:address AS text), CAST(:window_seconds AS double precision))
"""


@endpoint("POST", "/videos/{id}/view", access="optional", signed=True)
def videos_view(call: Call) -> Answer:
    """Answer `{"success": true}`; counted once for each viewer (user, else session, else address) and window."""
    only_fields(call.body, "sessionId")
    is_given = call.body.get("sessionId") is not None
    session_id = text_field(call.body, "sessionId", MAX_SESSION_CHARACTERS) if is_given else None
    if call.user is not None:
        viewer, address = str(call.user.id), None
    elif session_id is None:
        viewer, address = f"address:{call.address}", None
    else:
        viewer, address = f"session:{session_id}", f"address:{call.address}"
    person = call.person
    answer, _ = write(
        SQL,
        user_id=person.id if person else None,
        email=person.email if person else None,
        username=person.username if person else None,
        video_id=path_id(call.parameters, "video_not_found"),
        session_id=session_id,
        viewer=viewer,
        # Only for a session, which is whatever the caller says.
        address=address,
        window_seconds=settings().video_view_window_seconds,
    )
    return answer
