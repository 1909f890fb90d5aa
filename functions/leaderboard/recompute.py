"""POST /tasks/leaderboard: bring every creator's score and place up to date. Cloud Scheduler calls it."""

from shared.answers import NO_STORE, Answer, cached
from shared.call import Call
from shared.db.query import fetch_row
from shared.endpoint import endpoint

SQL = "SELECT logic.recompute_leaderboard()"


@endpoint("POST", "/tasks/leaderboard", access="task", signed=False)
def leaderboard_recompute(call: Call) -> Answer:  # noqa: ARG001 - a route takes its call, also one that needs nothing of it
    """Answer `{"creators", "changed", "milliseconds"}`; may run at any time, also twice at once."""
    # Twice does no harm: the second run finds nothing to change.
    row = fetch_row(SQL, read_only=True)
    return cached(row[0] if row else "", NO_STORE)
