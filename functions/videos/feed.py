"""GET /videos/feed?cursor=&limit=: a page of finished videos, best first, and the cursor of the next page."""

from shared.answers import PRIVATE, PUBLIC_BRIEFLY, Answer, cached
from shared.call import Call
from shared.cursors import read_number_cursor
from shared.db.query import fetch_row
from shared.endpoint import endpoint
from shared.fields import page_limit

# One row more than the page tells whether there is a next one.
SQL = """
WITH fetched AS (
    SELECT shape.id, shape.ranking_score,
        logic.with_reaction(shape.shape, CAST(:viewer AS uuid), mine.reaction) AS video
    FROM logic.video_shapes AS shape
    LEFT JOIN video_reactions AS mine ON mine.video_id = shape.id AND mine.user_id = CAST(:viewer AS uuid)
    WHERE shape.status = 'completed' AND (CAST(:id AS uuid) IS NULL
        OR (shape.ranking_score, shape.id) < (CAST(:score AS double precision), CAST(:id AS uuid)))
    ORDER BY shape.ranking_score DESC, shape.id DESC
    LIMIT CAST(:limit AS integer) + 1
), page AS (
    SELECT * FROM fetched ORDER BY ranking_score DESC, id DESC LIMIT CAST(:limit AS integer)
), edge AS (
    SELECT (SELECT count(*) FROM fetched) > CAST(:limit AS integer) AS has_more,
        (SELECT logic.cursor('feed', ranking_score::text, id) FROM page ORDER BY ranking_score, id LIMIT 1) AS cursor
)
SELECT CASE WHEN has_more THEN logic.with_field(body, 'nextCursor', to_json(cursor)) ELSE body END::text
FROM edge, LATERAL (SELECT json_build_object(
    'videos', coalesce((SELECT json_agg(video ORDER BY ranking_score DESC, id DESC) FROM page), '[]'),
    'hasMore', has_more) AS body) AS built
"""


@endpoint("GET", "/videos/feed", access="optional", signed=False)
def videos_feed(call: Call) -> Answer:
    """Answer a FeedResponse; a signed-in caller also sees their own reactions. At most 50 videos a page."""
    position = read_number_cursor(call.query.get("cursor"), "feed")
    row = fetch_row(
        SQL,
        read_only=True,
        viewer=call.viewer_id,
        score=position.sort_value,
        id=position.id,
        limit=page_limit(call.query, default=20, maximum=50),
    )
    return cached(row[0] if row else "", PRIVATE if call.user else PUBLIC_BRIEFLY)
