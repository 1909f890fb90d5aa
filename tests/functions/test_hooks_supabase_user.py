"""POST /hooks/supabase/user: who may call, and what becomes of the profile."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from tests.api import Api, Person
from tests.rows import make_profile, make_video, run
from tests.threads import at_once

PATH = "/hooks/supabase/user"
PLAIN = "a-plain-secret-for-database-webhooks"
KEY, OLD_KEY = b"a signing key of enough bytes...", b"the signing key before that one."
ADA, BOB = Person("ada"), Person("bob")


def secret_of(key: bytes) -> str:
    return f"v1,whsec_{base64.b64encode(key).decode()}"


@pytest.fixture(autouse=True)
def _secrets(api: Api, configure: Callable[..., None]) -> None:
    configure(SUPABASE_HOOK_SECRETS=f"{secret_of(KEY)}|{PLAIN}|{secret_of(OLD_KEY)}")


def row(person: Person = ADA, **changes: Any) -> dict[str, Any]:
    metadata = {"username": person.name, "avatar_url": f"https://example.com/{person.name}.png"}
    return {"id": str(person.id), "email": person.email, "raw_user_meta_data": metadata, "aud": "x", **changes}


def message(kind: str = "INSERT", record: Any = None, old_record: Any = None) -> dict[str, Any]:
    return {"type": kind, "table": "users", "schema": "auth", "record": record, "old_record": old_record}


def tell(api: Api, body: Any, headers: dict[str, str] | None = None) -> Any:
    bearer = {"Authorization": f"Bearer {PLAIN}"}
    answer = api.post(PATH, body, signed=False, headers=bearer if headers is None else headers)
    if answer.status_code == 204:
        assert answer.get_data() == b""
        return 204
    if answer.status_code == 200:
        # What is signed comes from Supabase Auth, which takes no other answer for a good one.
        assert (answer.json, answer.mimetype) == ({}, "application/json")
        return 200
    return answer.json["error"]


def profiles() -> list[Any]:
    return run("SELECT id::text, username, email, avatar_url FROM profiles ORDER BY username")


ADAS = [str(ADA.id), "ada", "ada@example.com", "https://example.com/ada.png"]


# What becomes of the profile.


def test_an_anonymous_session_gets_a_profile_when_it_becomes_a_person(api: Api) -> None:
    nobody = row(email=None, raw_user_meta_data={}, is_anonymous=True)
    assert tell(api, message(record=nobody)) == 204
    assert tell(api, message("UPDATE", nobody, nobody)) == 204
    assert profiles() == []
    assert tell(api, message("UPDATE", row(is_anonymous=False), nobody)) == 204
    assert profiles() == [ADAS]
    assert tell(api, message("DELETE", old_record=row(is_anonymous=True))) == 204
    assert profiles() == []


def test_a_new_account_gets_a_profile_and_the_same_message_again_changes_nothing(api: Api) -> None:
    assert tell(api, message("INSERT", row())) == 204
    assert profiles() == [ADAS]
    before = run("SELECT xmin::text, ctid::text FROM profiles")
    assert tell(api, message("INSERT", row())) == 204
    assert run("SELECT xmin::text, ctid::text FROM profiles") == before


def test_a_changed_account_changes_the_profile(api: Api) -> None:
    tell(api, message("INSERT", row()))
    metadata = {"username": "Countess", "avatar_url": "https://example.com/new.png"}
    changed = row(email="new@example.com", raw_user_meta_data=metadata)
    assert tell(api, message("UPDATE", changed, row())) == 204
    assert profiles() == [[str(ADA.id), "countess", "new@example.com", "https://example.com/new.png"]]


def test_a_sign_in_does_not_undo_what_was_changed_in_the_profile(api: Api) -> None:
    tell(api, message("INSERT", row()))
    api.patch(f"/users/{ADA.id}", {"username": "countess", "avatarUrl": None}, by=ADA)
    assert tell(api, message("UPDATE", row(last_sign_in_at="now"), row())) == 204
    assert profiles() == [[str(ADA.id), "countess", "ada@example.com", None]]


def test_a_late_change_does_not_bring_a_deleted_account_back(api: Api) -> None:
    tell(api, message("INSERT", row()))
    tell(api, message("DELETE", None, row()))
    late = row(email="new@example.com", raw_user_meta_data={"username": "Countess"})
    for old in (row(), row(is_anonymous=False), None):
        assert tell(api, message("UPDATE", late, old)) == 204
        assert profiles() == []


def test_a_new_account_is_told_of_after_its_change(api: Api) -> None:
    assert tell(api, message("UPDATE", row(), row())) == 204
    assert tell(api, message("INSERT", row())) == 204
    assert profiles() == [ADAS]


def test_a_name_that_somebody_has_is_not_taken_over(api: Api) -> None:
    make_profile(BOB)
    tell(api, message("INSERT", row()))
    changed = row(raw_user_meta_data={"username": "bob"}, email="new@example.com")
    assert tell(api, message("UPDATE", changed, row())) == 204
    assert [profile[1:3] for profile in profiles()] == [["ada", "new@example.com"], ["bob", "bob@example.com"]]


def test_a_new_name_of_which_nothing_can_be_used_changes_nothing(api: Api) -> None:
    tell(api, message("INSERT", row()))
    assert tell(api, message("UPDATE", row(raw_user_meta_data={"username": "李雷"}), row())) == 204
    assert [profile[1] for profile in profiles()] == ["ada"]


def test_a_new_account_whose_name_is_taken_gets_one_like_it(api: Api) -> None:
    make_profile(BOB)
    tell(api, message("INSERT", row(raw_user_meta_data={"username": "bob"})))
    assert [name.partition("_")[0] for _, name, _, _ in profiles()] == ["bob", "bob"]


def test_a_deleted_account_takes_everything_with_it_and_counters_stay_right(api: Api) -> None:
    ours, theirs = make_video(ADA), make_video(BOB)
    for video, person in ((ours, BOB), (theirs, ADA)):
        api.post(f"/videos/{video}/like", by=person)
    api.post(f"/videos/{theirs}/recreate", by=ADA)
    assert tell(api, message("DELETE", None, row())) == 204
    assert tell(api, message("DELETE", None, row())) == 204
    assert [profile[1] for profile in profiles()] == ["bob"]
    assert run("SELECT id, likes_count FROM videos") == [[theirs, 0]]
    assert run("SELECT total_likes FROM creator_stats") == [0]
    assert run("SELECT (SELECT count(*) FROM video_reactions) + (SELECT count(*) FROM video_jobs)") == [0]


def test_being_told_of_an_account_is_no_activity_of_its_owner(api: Api) -> None:
    tell(api, message("INSERT", row()))
    run("UPDATE profiles SET last_active_at = now() - interval '1 day'")
    tell(api, message("UPDATE", row(email="new@example.com"), row()))
    assert run("SELECT last_active_at < now() - interval '1 hour' FROM profiles") == [True]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"email": None}, ["ada", "", "https://example.com/ada.png"]),
        ({"email": None, "raw_user_meta_data": None}, ["creator", "", None]),
        ({"raw_user_meta_data": None}, ["ada", "ada@example.com", None]),
        ({"raw_user_meta_data": {}}, ["ada", "ada@example.com", None]),
        ({"raw_user_meta_data": ["x"]}, ["ada", "ada@example.com", None]),
        ({"raw_user_meta_data": {"full_name": "Ada Lovelace"}}, ["adalovelace", "ada@example.com", None]),
        (
            {"raw_user_meta_data": {"picture": "https://lh3.example.com/a=s96-c", "name": "Ada"}},
            ["ada", "ada@example.com", "https://lh3.example.com/a=s96-c"],
        ),
        ({"raw_user_meta_data": {"avatar_url": "http://example.com/a"}}, ["ada", "ada@example.com", None]),
        ({"raw_user_meta_data": {"avatar_url": "javascript:alert(1)"}}, ["ada", "ada@example.com", None]),
        ({"raw_user_meta_data": {"avatar_url": "https://x/" + "a" * 3000}}, ["ada", "ada@example.com", None]),
        ({"raw_user_meta_data": {"avatar_url": 7, "username": {"a": 1}}}, ["ada", "ada@example.com", None]),
        ({"raw_user_meta_data": {"username": "a\x00d\ud800a"}}, ["ada", "ada@example.com", None]),
        ({"email": "ad\x00a@example.com"}, ["ada", "ada@example.com", "https://example.com/ada.png"]),
    ],
)
def test_an_account_is_taken_as_far_as_it_can_be_used(api: Api, changes: dict[str, Any], expected: list[Any]) -> None:
    assert tell(api, message("INSERT", row(**changes))) == 204
    assert [profile[1:] for profile in profiles()] == [expected]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": "INSERT"},
        {**message("INSERT", row()), "table": "profiles"},
        {**message("INSERT", row()), "schema": "public"},
        message("TRUNCATE", row()),
        message("INSERT", None),
        message("INSERT", "x"),
        message("INSERT", row(id="nonsense")),
        message("INSERT", row(id=None)),
        message("INSERT", row(id=7)),
        message("UPDATE", row(), "x"),
        message("DELETE", row(), None),
        {"user": {"id": "nonsense"}},
        {"user": 7},
        [],
        {"type": ["INSERT"], "schema": "auth", "table": "users"},
    ],
)
def test_a_message_about_something_else_is_refused(api: Api, body: Any) -> None:
    assert tell(api, body) == "validation_failed"
    assert profiles() == []


@pytest.mark.parametrize("raw", [b"{", b"\xff", b'{"a": NaN}', b'{"a": 1, "a": 2}'])
def test_what_is_not_json_is_a_400(api: Api, raw: bytes) -> None:
    assert tell(api, raw) == "invalid_json"


def test_the_same_new_account_told_many_times_at_once_and_seen_meanwhile_has_one_profile(api: Api) -> None:
    def act(number: int) -> Any:
        if number % 2:
            return api.get(f"/users/{ADA.id}", by=ADA).status_code
        return tell(api, message("INSERT", row()))

    assert at_once(20, act) == [204, 200] * 10
    assert profiles() == [ADAS]


def test_where_supabase_has_the_accounts_one_that_is_gone_is_no_error(api: Api) -> None:
    # The table of Supabase that profiles refer to there, for the time of this test.
    run("CREATE SCHEMA IF NOT EXISTS auth")
    run("CREATE TABLE auth.users (id uuid PRIMARY KEY)")
    run("ALTER TABLE profiles ADD CONSTRAINT test_account FOREIGN KEY (id) REFERENCES auth.users ON DELETE CASCADE")
    try:
        assert tell(api, message("INSERT", row())) == 204
        assert profiles() == []
        run("INSERT INTO auth.users VALUES (CAST(:id AS uuid))", id=ADA.id)
        assert tell(api, message("INSERT", row())) == 204
        assert profiles() == [ADAS]
    finally:
        run("DROP SCHEMA auth CASCADE")


# Who may call.


def signed(body: bytes, key: bytes = KEY, *, seconds: float = 0, message_id: str = "msg_1") -> dict[str, str]:
    timestamp = str(int(time.time() + seconds))
    text = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, text, "sha256")).decode()
    return {"webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{signature}"}


USER = json.dumps(
    {
        "metadata": {"name": "before-user-created", "uuid": str(uuid4()), "ip_address": "192.0.2.1"},
        "user": {"id": str(ADA.id), "email": ADA.email, "user_metadata": row()["raw_user_meta_data"]},
    }
).encode()


def test_a_signed_auth_hook_makes_the_profile_and_changes_nothing_again(api: Api) -> None:
    for _ in range(2):
        assert tell(api, USER, signed(USER)) == 200
        assert profiles() == [ADAS]


def test_a_database_webhook_may_be_signed_too(api: Api) -> None:
    body = json.dumps(message("INSERT", row())).encode()
    assert tell(api, body, signed(body)) == 200


def test_either_of_two_signing_secrets_is_accepted_while_rotating(api: Api) -> None:
    assert tell(api, USER, signed(USER, OLD_KEY)) == 200


@pytest.mark.parametrize("separator", [" ", ", ", ",  "])
def test_one_good_signature_among_several_is_enough(api: Api, separator: str) -> None:
    headers = signed(USER)
    other = signed(USER, b"somebody else's key")["webhook-signature"]
    both = separator.join([other, headers["webhook-signature"], "v1a,ed25519=="])
    assert tell(api, USER, {**headers, "webhook-signature": both}) == 200


@pytest.mark.parametrize("seconds", [-298, 298])
def test_a_clock_may_be_five_minutes_off(api: Api, seconds: int) -> None:
    assert tell(api, USER, signed(USER, seconds=seconds)) == 200


def forged() -> dict[str, dict[str, str]]:
    good = signed(USER)
    code = good["webhook-signature"].removeprefix("v1,")
    changes: dict[str, dict[str, str]] = {
        "empty signature": {"webhook-signature": ""},
        "no version": {"webhook-signature": code},
        "version only": {"webhook-signature": "v1,"},
        "commas only": {"webhook-signature": ",,, ,"},
        "other version": {"webhook-signature": f"v2,{code}"},
        "asymmetric version": {"webhook-signature": f"v1a,{code}"},
        "version in capitals": {"webhook-signature": f"V1,{code}"},
        "hexadecimal": {"webhook-signature": f"v1,{base64.b64decode(code).hex()}"},
        "without padding": {"webhook-signature": f"v1,{code.rstrip('=')}"},
        "shortened": {"webhook-signature": f"v1,{code[:10]}"},
        "other script": {"webhook-signature": "v1,é" * 9},
        "no id": {"webhook-id": ""},
        "other id": {"webhook-id": "msg_2"},
        "id with a blank": {"webhook-id": "msg 1"},
        "id of another script": {"webhook-id": "é"},
        "no timestamp": {"webhook-timestamp": ""},
        "timestamp is a text": {"webhook-timestamp": "now"},
        "timestamp is negative": {"webhook-timestamp": "-1"},
        "timestamp is a fraction": {"webhook-timestamp": f"{good['webhook-timestamp']}.0"},
        "timestamp of other digits": {"webhook-timestamp": "\u0661".encode().decode("latin-1")},
        "timestamp is beyond all numbers": {"webhook-timestamp": "9" * 400},
        "other timestamp": {"webhook-timestamp": str(int(good["webhook-timestamp"]) - 1)},
    }
    headers = {name: {**good, **change} for name, change in changes.items()}
    headers |= {f"without {name}": {each: good[each] for each in good if each != name} for name in good}
    return headers | {
        "nothing at all": {},
        "stale": signed(USER, seconds=-303),
        "from the future": signed(USER, seconds=303),
        "other body": signed(USER + b" "),
        "other key": signed(USER, b"somebody else's key"),
        "the plain secret as a key": signed(USER, PLAIN.encode()),
        "the secret's text as a key": signed(USER, secret_of(KEY).encode()),
        "no key": signed(USER, b""),
        "no bearer": {"Authorization": PLAIN},
        "empty bearer": {"Authorization": "Bearer "},
        "basic": {"Authorization": f"Basic {PLAIN}"},
        "other secret": {"Authorization": "Bearer other"},
        "secret with more": {"Authorization": f"Bearer {PLAIN}x"},
        "secret of another script": {"Authorization": "Bearer é"},
        "a signing secret as it stands": {"Authorization": f"Bearer {secret_of(KEY)}"},
        "all secrets": {"Authorization": f"Bearer {secret_of(KEY)}|{PLAIN}"},
        "a token": {"Authorization": f"Bearer {ADA.token()}"},
        "good secret beside a bad signature": {
            **good, "webhook-signature": "v1,x", "Authorization": f"Bearer {PLAIN}",
        },
    }  # fmt: skip


@pytest.mark.parametrize("name", forged())
def test_anybody_else_is_refused(api: Api, name: str) -> None:
    assert tell(api, USER, forged()[name]) == "invalid_hook_signature"
    assert profiles() == []


def test_a_caller_is_checked_before_the_body_is_read(api: Api) -> None:
    assert tell(api, b"{ not json", {}) == "invalid_hook_signature"
    assert tell(api, b"{ not json", signed(b"{ not json")) == "invalid_json"


def test_a_secret_of_one_kind_alone_admits_that_kind_alone(api: Api, configure: Callable[..., None]) -> None:
    configure(SUPABASE_HOOK_SECRETS=PLAIN)
    assert tell(api, USER, signed(USER)) == "invalid_hook_signature"
    assert tell(api, USER) == 204
    configure(SUPABASE_HOOK_SECRETS=secret_of(KEY))
    assert tell(api, USER, {"Authorization": "Bearer "}) == "invalid_hook_signature"
    assert tell(api, USER) == "invalid_hook_signature"
    assert tell(api, USER, signed(USER)) == 200


@pytest.mark.parametrize("secrets", ["", "v1,whsec_not base64!", "v1,whsec_abc"])
def test_without_usable_secrets_nobody_may_call(api: Api, configure: Callable[..., None], secrets: str) -> None:
    configure(SUPABASE_HOOK_SECRETS=secrets)
    answer = api.post(PATH, USER, signed=False, headers={"Authorization": f"Bearer {PLAIN}"})
    assert (answer.status_code, answer.json["error"]) == (503, "not_configured")


def test_only_bars_are_no_secret(api: Api, configure: Callable[..., None]) -> None:
    configure(SUPABASE_HOOK_SECRETS="|||")
    assert tell(api, USER, {"Authorization": "Bearer |"}) == "invalid_hook_signature"
    assert tell(api, USER, {}) == "invalid_hook_signature"


def test_behind_a_gateway_the_secret_is_read_from_its_own_header(api: Api, configure: Callable[..., None]) -> None:
    configure(BEHIND_API_GATEWAY="true")
    assert tell(api, USER) == "invalid_hook_signature"
    assert tell(api, USER, {"X-Forwarded-Authorization": f"Bearer {PLAIN}", "Authorization": "Bearer gateway"}) == 204
