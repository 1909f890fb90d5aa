"""GET /videos/{id}: one video; an unfinished or failed one only to its owner."""

from shared.answers import NO_STORE, PRIVATE, PUBLIC_BRIEFLY, Answer, cached
from shared.call import Call
from shared.db.query import fetch_row
from shared.endpoint import endpoint
from shared.errors import ApiError
from shared.fields import path_id

SQL = """
SELECT logic.with_reaction(shape.open_shape, CAST(:viewer AS uuid), mine.reaction), shape.status = 'completed'
FROM logic.video_shapes AS shape
LEFT JOIN video_reactions AS mine ON mine.video_id = shape.id AND mine.user_id = CAST(:viewer AS uuid)
WHERE shape.id = CAST(:id AS uuid) AND (shape.status = 'completed' OR shape.user_id = CAST(:viewer AS uuid))
"""


@endpoint("GET", "/videos/{id}", access="optional", signed=False)
def videos_get(call: Call) -> Answer:
    """Answer a Video, or 404 `video_not_found` for one that the caller may not see."""
    row = fetch_row(SQL, read_only=True, id=path_id(call.parameters, "video_not_found"), viewer=call.viewer_id)
    if row is None:
        raise ApiError("video_not_found")
    body, is_finished = row
    if not is_finished:
        return cached(body, NO_STORE)
    return cached(body, PRIVATE if call.user else PUBLIC_BRIEFLY)
