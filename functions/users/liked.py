"""GET /users/{id}/liked?cursor=&limit=: the finished videos somebody likes, the latest like first."""

from shared.answers import Answer
from shared.call import Call
from shared.cursors import read_time_cursor
from shared.db.query import fetch_row
from shared.endpoint import endpoint
from shared.errors import ApiError
from shared.fields import page_limit, path_id
from shared.lists import bare_list

# One row more than the page tells whether there is a next one. No row at all: there is no such person.
SQL = """
WITH fetched AS (
    SELECT shape.id, liked.created_at,
        logic.with_reaction(shape.open_shape, CAST(:viewer AS uuid), mine.reaction) AS video
    FROM video_reactions AS liked
    JOIN logic.video_shapes AS shape ON shape.id = liked.video_id AND shape.status = 'completed'
    LEFT JOIN video_reactions AS mine ON mine.video_id = shape.id AND mine.user_id = CAST(:viewer AS uuid)
    WHERE liked.user_id = CAST(:owner AS uuid) AND liked.reaction = 'like'
        AND (CAST(:id AS uuid) IS NULL
            OR (liked.created_at, liked.video_id) < (CAST(:moment AS timestamptz), CAST(:id AS uuid)))
    ORDER BY liked.created_at DESC, liked.video_id DESC
    LIMIT CAST(:limit AS integer) + 1
), page AS (
    SELECT * FROM fetched ORDER BY created_at DESC, id DESC LIMIT CAST(:limit AS integer)
)
SELECT
    concat('[', (SELECT string_agg(video, ', ' ORDER BY created_at DESC, id DESC) FROM page), ']'),
    CASE WHEN (SELECT count(*) FROM fetched) > CAST(:limit AS integer) THEN (
        SELECT logic.cursor(CAST(:list AS text), created_at::text, id) FROM page ORDER BY created_at, id LIMIT 1) END,
    true
WHERE CAST(:owner AS uuid) = CAST(:viewer AS uuid) OR EXISTS (SELECT FROM profiles WHERE id = CAST(:owner AS uuid))
"""


@endpoint("GET", "/users/{id}/liked", access="user", signed=False)
def users_liked(call: Call) -> Answer:
    """Answer an array of Video, `Link: rel="next"` when there are more; anybody signed in may look."""
    owner = path_id(call.parameters, "user_not_found")
    name, limit = f"liked by {owner}", page_limit(call.query, default=50, maximum=50)
    position = read_time_cursor(call.query.get("cursor"), name)
    row = fetch_row(
        SQL,
        read_only=True,
        owner=owner,
        viewer=call.viewer_id,
        moment=position.sort_value,
        id=position.id,
        limit=limit,
        list=name,
    )
    if row is None:
        raise ApiError("user_not_found")
    return bare_list(row, f"/users/{owner}/liked", limit)
