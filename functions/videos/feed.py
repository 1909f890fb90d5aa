"""GET /videos/feed?sort=&cursor=&limit=&since=: finished videos page by page, or how many newer ones there are."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from shared.answers import PRIVATE, PUBLIC_BRIEFLY, Answer, cached
from shared.call import Call
from shared.cursors import Position, read_count_cursor, read_number_cursor, read_time_cursor
from shared.db.query import fetch_row
from shared.endpoint import endpoint
from shared.errors import invalid_field
from shared.fields import page_limit

MAX_VIDEOS = 50
# One row more than the page tells whether there is a next one. The first page is the one after START, and the inner
# limit (MAX_VIDEOS + 1) is a number: so the plan that Postgres keeps for all pages is a good one (ADR 6). `asOf` is a
# video's moment and not the clock's, so that an unchanged first page is the same text, and a 304.
_PAGE_SQL = """
WITH fetched AS (
    SELECT * FROM (
        SELECT shape.id, shape.COLUMN AS place,
            logic.with_reaction(shape.open_shape, CAST(:viewer AS uuid), mine.reaction) AS video
        FROM logic.video_shapes AS shape
        LEFT JOIN video_reactions AS mine ON mine.video_id = shape.id AND mine.user_id = CAST(:viewer AS uuid)
        WHERE shape.status = 'completed' AND (shape.COLUMN, shape.id) < (
            coalesce(CAST(:place AS TYPE), 'START'),
            coalesce(CAST(:id AS uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
        ORDER BY shape.COLUMN DESC, shape.id DESC
        LIMIT 51
    ) AS longest LIMIT CAST(:limit AS integer) + 1
), numbered AS (
    SELECT *, row_number() OVER (ORDER BY place DESC, id DESC) AS number FROM fetched
)
SELECT concat(
    '{"videos": [', string_agg(video, ', ' ORDER BY number) FILTER (WHERE number <= CAST(:limit AS integer)), ']',
    ', "hasMore": ', to_json(count(*) > CAST(:limit AS integer)),
    ', "nextCursor": ' || to_json((
        SELECT logic.cursor(CAST(:list AS text), place::text, id) FROM numbered
        WHERE number = CAST(:limit AS integer) AND (SELECT count(*) FROM numbered) > number))::text,
    CASE WHEN CAST(:id AS uuid) IS NULL THEN ', "asOf": ' || to_json((
        SELECT coalesce(max(published_at), 'epoch') FROM videos WHERE status = 'completed'))::text END,
    '}')
FROM numbered
"""

MAX_NEWER = 100
NEWER_SQL = """
SELECT json_build_object('videos', '[]'::json, 'hasMore', false,
    'asOf', (SELECT coalesce(max(published_at), 'epoch') FROM videos WHERE status = 'completed'),
    'newer', (SELECT count(*) FROM (
        SELECT FROM videos WHERE status = 'completed' AND published_at > CAST(:since AS timestamptz)
        ORDER BY published_at DESC LIMIT CAST(:most AS integer)) AS newer))::text
"""


class _Sort(NamedTuple):
    """One order of the feed, each read down an index of its own; a cursor belongs to one of them."""

    sql: str
    list_name: str
    read_cursor: Callable[[str | None, str], Position]


def _page_sql(column: str, column_type: str, start: str) -> str:
    return _PAGE_SQL.replace("COLUMN", column).replace("TYPE", column_type).replace("START", start)


SORTS = {
    "rank": _Sort(_page_sql("ranking_score", "double precision", "infinity"), "feed", read_number_cursor),
    "new": _Sort(_page_sql("published_at", "timestamptz", "infinity"), "feed by new", read_time_cursor),
    "top": _Sort(_page_sql("likes_count", "integer", str(2**31 - 1)), "feed by top", read_count_cursor),
}


@endpoint("GET", "/videos/feed", access="optional", signed=False)
def videos_feed(call: Call) -> Answer:
    """Answer a FeedResponse of at most 50 videos; with `since`, one without videos that says how many are `newer`.

    Page one carries `asOf`, to be sent as `since` later. A signed-in caller also sees their own reactions.
    """
    sort = SORTS.get(call.query.get("sort") or "rank")
    if sort is None:
        raise invalid_field("sort", "must be rank, new or top")
    limit = page_limit(call.query, default=20, maximum=MAX_VIDEOS)
    position = sort.read_cursor(call.query.get("cursor"), sort.list_name)
    if call.query.get("since"):
        row = fetch_row(NEWER_SQL, read_only=True, since=_moment(call.query["since"]), most=MAX_NEWER)
    else:
        row = fetch_row(
            sort.sql,
            read_only=True,
            viewer=call.viewer_id,
            place=position.sort_value,
            id=position.id,
            limit=limit,
            list=sort.list_name,
        )
    return cached(row[0] if row else "", PRIVATE if call.user else PUBLIC_BRIEFLY)


def _moment(text: str) -> str:
    """Return `?since=` in UTC, as Postgres reads it."""
    try:
        # A plus sign that was not escaped has become a space.
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment.astimezone(UTC).isoformat()
    except (ValueError, OverflowError) as error:
        raise invalid_field("since", "must be the asOf of an earlier answer") from error
