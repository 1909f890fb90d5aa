"""GET /users/top?limit=: the leaderboard."""

from shared.answers import PRIVATE, Answer, cached
from shared.call import Call
from shared.db.query import fetch_row
from shared.endpoint import endpoint
from shared.fields import page_limit

# Creators whom no recompute has seen yet have no rank and come last, so that a new service's board is not empty.
SQL = """
SELECT coalesce(json_agg(
    logic.with_email(leader.shape, leader.email, leader.id, CAST(:viewer AS uuid)) ORDER BY leader.rank, leader.id
), '[]')::text
FROM (
    SELECT * FROM logic.profile_shapes WHERE videos_created > 0 ORDER BY rank, id LIMIT CAST(:limit AS integer)
) AS leader
"""


@endpoint("GET", "/users/top", access="user", signed=False)
def users_top(call: Call) -> Answer:
    """Answer an array of UserProfile with `rank` and `creatorScore`, the best first; at most 100."""
    limit = page_limit(call.query, default=20, maximum=100)
    row = fetch_row(SQL, read_only=True, viewer=call.viewer_id, limit=limit)
    return cached(row[0] if row else "[]", PRIVATE)
