"""GET /users/{id}: a profile with its figures and its place on the leaderboard."""

from shared.answers import PRIVATE, Answer, cached
from shared.call import Call
from shared.db.query import fetch_row
from shared.endpoint import endpoint
from shared.errors import ApiError
from shared.fields import path_id

# The profile is made at its owner's first look, since nobody's own profile page should be a 404; only then is there
# anything to write, and writing it twice does no harm. An anonymous session has none.
SQL = """
SELECT coalesce(
    (SELECT logic.with_email(shape, email, id, CAST(:viewer AS uuid))::text
        FROM logic.profile_shapes WHERE id = CAST(:id AS uuid)),
    CASE WHEN CAST(:id AS uuid) = CAST(:viewer AS uuid) AND NOT CAST(:is_anonymous AS boolean) THEN
        logic.first_profile(CAST(:viewer AS uuid), CAST(:email AS text), CAST(:username AS text)) END)
"""


@endpoint("GET", "/users/{id}", access="user", signed=False)
def users_get(call: Call) -> Answer:
    """Answer a UserProfile; `email` is empty for everybody but its owner."""
    user = call.signed_in
    row = fetch_row(
        SQL,
        read_only=True,
        id=path_id(call.parameters, "user_not_found"),
        viewer=user.id,
        email=user.email,
        username=user.username,
        is_anonymous=user.is_anonymous,
    )
    if row is None or row[0] is None:
        raise ApiError("user_not_found")
    return cached(row[0], PRIVATE)
