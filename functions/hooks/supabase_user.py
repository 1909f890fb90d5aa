"""POST /hooks/supabase/user: Supabase tells of an account, and its profile follows."""

import time

from shared.account_events import read_account_event
from shared.answers import NO_STORE, Answer
from shared.auth import bearer_token
from shared.body import parse_json_object
from shared.call import Call
from shared.config import settings
from shared.db.query import fetch_row
from shared.endpoint import endpoint
from shared.errors import ApiError
from shared.hook_signature import read_hook_secrets, verify_hook

SQL = """
WITH gone AS (
    DELETE FROM profiles WHERE id = CAST(:id AS uuid) AND CAST(:is_deleted AS boolean)
)
SELECT CASE WHEN NOT CAST(:is_deleted AS boolean) THEN logic.follow_account(
    CAST(:id AS uuid), CAST(:makes_profile AS boolean), CAST(:email AS text), CAST(:username AS text),
    CAST(:new_username AS text), CAST(:avatar_url AS text)) END
"""


@endpoint("POST", "/hooks/supabase/user", access="hook", signed=False)
def hooks_supabase_user(call: Call) -> Answer:
    """Answer 204, an Auth hook 200, when the profile is made, changed or deleted; again it changes nothing."""
    _verify(call)
    event = read_account_event(parse_json_object(call.raw_body, "application/json"))
    # Somebody who only looks around needs no profile; becoming a person is another message.
    if event.is_anonymous and not event.is_deleted:
        return _done(call)
    # Sent again when the connection breaks: the second time finds nothing to do.
    fetch_row(SQL, read_only=True, **vars(event))
    return _done(call)


def _done(call: Call) -> Answer:
    # Supabase Auth reads what its hooks answer, and lets nobody sign up when that is not JSON.
    if "webhook-signature" in call.headers:
        return Answer("{}", headers={"Cache-Control": NO_STORE})
    return Answer(status=204, headers={"Cache-Control": NO_STORE}, content_type=None)


def _verify(call: Call) -> None:
    current = settings()
    if current.supabase_hook_secrets is None:
        raise ApiError("not_configured", cause="SUPABASE_HOOK_SECRETS is not set")
    try:
        bearer = bearer_token(call.headers, behind_api_gateway=current.behind_api_gateway)
    except ApiError:
        bearer = None
    secrets = read_hook_secrets(current.supabase_hook_secrets)
    verify_hook(call.headers, call.raw_body, bearer, secrets=secrets, now_seconds=time.time())
