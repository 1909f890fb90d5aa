"""On Supabase: accounts live in the same database, and a key that everybody has opens it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from pg8000.exceptions import DatabaseError

from database.migrate import migrate
from shared.config import Settings
from shared.db.pipelined import PipelinedConnection
from shared.db.query import sql_state
from tests.api import Api, Person
from tests.database.conftest import new_database, run_at
from tests.database.world import connected, end_job, make_people, make_videos, query, react, violations

OWNER, AUTH, LOGIN = (f"{name}_{os.getpid()}" for name in ("hosted_owner", "hosted_auth", "hosted_login"))
# As Supabase sets a project up: the owner is no superuser, the accounts belong to the auth server, whose search path is
# its own schema, and new tables are granted to everybody, since row level security is to guard them.
ROLES = f"""
DO $$ DECLARE v_role text; BEGIN
    FOREACH v_role IN ARRAY ARRAY['anon', 'authenticated', 'instaveo_app'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = v_role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
        END IF;
    END LOOP;
EXCEPTION WHEN duplicate_object THEN NULL;
END $$;
CREATE ROLE {OWNER} LOGIN CREATEROLE;
CREATE ROLE {AUTH} LOGIN;
ALTER ROLE {AUTH} SET search_path = auth;
CREATE ROLE {LOGIN} LOGIN IN ROLE instaveo_app;
"""
HOSTED = f"""
CREATE SCHEMA auth AUTHORIZATION {AUTH};
CREATE TABLE auth.users (
    id uuid PRIMARY KEY, email varchar(255), raw_user_meta_data jsonb, is_anonymous boolean NOT NULL DEFAULT false);
ALTER TABLE auth.users OWNER TO {AUTH};
GRANT USAGE ON SCHEMA auth TO {OWNER};
GRANT ALL ON auth.users TO {OWNER};
ALTER SCHEMA public OWNER TO {OWNER};
GRANT USAGE ON SCHEMA public TO anon, authenticated;
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated;
GRANT anon, authenticated TO {LOGIN};
"""


class Hosted(NamedTuple):
    """A migrated project, and its address for each who connects."""

    superuser: str
    owner: str
    auth: str
    login: str


@pytest.fixture(scope="module")
def hosted(database_url: str) -> Iterator[Hosted]:
    with new_database(database_url, "hosted") as url:
        run_at(url, ROLES)
        run_at(url, f"ALTER DATABASE hosted_{os.getpid()} OWNER TO {OWNER}")
        run_at(url, HOSTED)
        project = Hosted(url, *(url.replace("//postgres@", f"//{role}@") for role in (OWNER, AUTH, LOGIN)))
        migrate(Settings(database_url=project.owner), lambda line: None)
        yield project
        run_at(url, f"REASSIGN OWNED BY {OWNER}, {AUTH} TO postgres; DROP OWNED BY {OWNER}, {AUTH}, {LOGIN}")
    run_at(database_url, f"DROP ROLE {OWNER}, {AUTH}, {LOGIN}")


@pytest.fixture
def auth(hosted: Hosted) -> Iterator[PipelinedConnection]:
    """The auth server's connection to a project without accounts."""
    with connected(hosted.auth) as connection:
        query(connection, "DELETE FROM auth.users")
        yield connection


def sign_up(
    auth: PipelinedConnection,
    email: str | None = "ada@example.com",
    facts: str | None = None,
    *,
    is_anonymous: bool = False,
) -> UUID:
    user_id = uuid4()
    query(
        auth,
        "INSERT INTO users (id, email, raw_user_meta_data, is_anonymous) "
        "VALUES (CAST($1 AS uuid), $2, CAST($3 AS jsonb), CAST($4 AS boolean))",
        user_id,
        email,
        facts,
        is_anonymous,
    )
    return user_id


def profiles(hosted: Hosted) -> list[Any]:
    with connected(hosted.superuser) as connection:
        return query(connection, "SELECT id, username, email FROM profiles ORDER BY created_at, username")


def test_an_account_comes_with_its_profile(hosted: Hosted, auth: PipelinedConnection) -> None:
    ada = sign_up(auth, facts='{"username": "Ada.Lovelace"}')
    bob = sign_up(auth, "bob@example.com")
    assert profiles(hosted) == [(ada, "ada.lovelace", "ada@example.com"), (bob, "bob", "bob@example.com")]
    with connected(hosted.superuser) as connection:
        assert violations(connection) == []


def test_a_name_that_is_taken_does_not_stop_a_sign_up(hosted: Hosted, auth: PipelinedConnection) -> None:
    for _ in range(3):
        sign_up(auth, facts='{"username": "ada"}')
    names = [name for _, name, _ in profiles(hosted)]
    assert len(set(names)) == 3
    assert all(name.startswith("ada") for name in names)


@pytest.mark.parametrize("facts", [None, "{}", "[]", '"text"', "null", '{"username": 5}', '{"username": {"a": [1]}}'])
def test_strange_facts_about_an_account_stop_nobody(
    hosted: Hosted, auth: PipelinedConnection, facts: str | None
) -> None:
    user = sign_up(auth, facts=facts)
    assert [user_id for user_id, _, _ in profiles(hosted)] == [user]


def test_a_profile_that_cannot_be_made_does_not_stop_a_sign_up(hosted: Hosted, auth: PipelinedConnection) -> None:
    run_at(hosted.owner, "ALTER TABLE profiles ADD CONSTRAINT broken CHECK (username <> 'ada')")
    try:
        sign_up(auth, facts='{"username": "ada"}')
    finally:
        run_at(hosted.owner, "ALTER TABLE profiles DROP CONSTRAINT broken")
    assert profiles(hosted) == []
    assert query(auth, "SELECT count(*) FROM users") == [1]


def test_an_anonymous_session_has_no_profile_until_it_becomes_a_person(
    hosted: Hosted, auth: PipelinedConnection
) -> None:
    user = sign_up(auth, None, is_anonymous=True)
    assert profiles(hosted) == []
    query(auth, "UPDATE users SET email = 'eve@example.com', is_anonymous = false WHERE id = CAST($1 AS uuid)", user)
    assert profiles(hosted) == [(user, "eve", "eve@example.com")]
    query(auth, "UPDATE users SET email = 'eve@example.org' WHERE id = CAST($1 AS uuid)", user)
    assert profiles(hosted) == [(user, "eve", "eve@example.org")]


def test_a_profile_needs_an_account(hosted: Hosted) -> None:
    with connected(hosted.login) as connection, pytest.raises(DatabaseError) as error:
        query(connection, "INSERT INTO profiles (id, username) VALUES (gen_random_uuid(), 'nobody')")
    assert sql_state(error.value) == "23503"


def test_a_deleted_account_takes_its_profile_along_and_leaves_everything_counted(
    hosted: Hosted, auth: PipelinedConnection
) -> None:
    people = [sign_up(auth, f"person{number}@example.com") for number in range(4)]
    with connected(hosted.login) as connection:
        videos = make_videos(connection, people[:2])
        for person in people:
            for video in videos:
                react(connection, person, video, "like")
    query(auth, "DELETE FROM users WHERE id = CAST($1 AS uuid)", people[0])
    with connected(hosted.superuser) as connection:
        assert violations(connection) == []
        assert query(connection, "SELECT id, likes_count FROM videos") == [(videos[1], 3)]
        assert query(connection, "SELECT count(*) FROM profiles") == [3]


@contextmanager
def acting_as(hosted: Hosted, role: str) -> Iterator[PipelinedConnection]:
    with connected(hosted.login) as connection:
        query(connection, f"SET ROLE {role}")
        yield connection


@pytest.fixture
def population(hosted: Hosted, auth: PipelinedConnection) -> None:
    people = [sign_up(auth, f"person{number}@example.com") for number in range(2)]
    with connected(hosted.login) as connection:
        [video, _] = make_videos(connection, people)
        react(connection, people[1], video, "like")
        query(
            connection,
            "INSERT INTO video_views (video_id, viewer, window_start) VALUES (CAST($1 AS uuid), 'me', now())",
            video,
        )


def tables(connection: PipelinedConnection) -> list[str]:
    return query(
        connection,
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind IN ('r', 'p', 'v', 'm') ORDER BY relname",
    )


def test_every_table_has_row_level_security_and_there_is_none_we_do_not_know(hosted: Hosted) -> None:
    with connected(hosted.superuser) as connection:
        secured = query(
            connection,
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relrowsecurity ORDER BY relname",
        )
        assert secured == tables(connection)
        assert len(secured) >= 11


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("is_granted", [False, True])
@pytest.mark.usefixtures("population")
def test_the_key_that_everybody_has_reads_and_writes_nothing(hosted: Hosted, role: str, is_granted: bool) -> None:
    # Somebody may grant the tables again, in the dashboard: then the policies still let nothing through.
    run_at(
        hosted.owner,
        f"{'GRANT' if is_granted else 'REVOKE'} ALL ON ALL TABLES IN SCHEMA public "
        f"{'TO' if is_granted else 'FROM'} anon, authenticated",
    )
    with acting_as(hosted, role) as connection:
        for table in tables(connection):
            deletion = f"WITH gone AS (DELETE FROM {table} RETURNING 1) SELECT count(*) FROM gone"
            for statement in (f"SELECT count(*) FROM {table}", deletion):
                assert refusal(connection, statement, is_granted) in ("42501", 0), table
        insert = "INSERT INTO profiles (id, username) VALUES (gen_random_uuid(), 'mallory')"
        assert refusal(connection, insert, False) == "42501"
        assert refusal(connection, "SELECT count(*) FROM logic.video_shapes", False) == "42501"
        assert refusal(connection, "SELECT logic.recompute_leaderboard()", False) == "42501"
        assert refusal(connection, "SELECT logic.delete_video(gen_random_uuid())", False) == "42501"
    run_at(hosted.owner, "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM anon, authenticated")
    with connected(hosted.superuser) as connection:
        assert query(connection, "SELECT count(*) FROM videos") == [2]


def refusal(connection: PipelinedConnection, statement: str, is_granted: bool) -> Any:
    """Return the SQLSTATE of the refusal, or, where the table is granted, the number the statement gave."""
    try:
        [number] = query(connection, statement)
    except DatabaseError as error:
        return sql_state(error)
    assert is_granted
    return number


def test_a_login_that_owns_nothing_can_do_all_that_the_functions_do(
    hosted: Hosted, auth: PipelinedConnection, api: Api, configure: Callable[..., None]
) -> None:
    people = [Person(name, id=sign_up(auth, f"{name}@example.com")) for name in ("ada", "bob")]
    configure(DATABASE_URL=hosted.login)
    created = api.post("/videos/create", {"prompt": "a kite"}, by=people[0], headers={"Idempotency-Key": "one"})
    assert created.status_code == 201
    video = created.json["id"]
    with connected(hosted.login) as connection:
        assert end_job(connection, UUID(video), succeeds=True)
    for call in (
        api.post(f"/videos/{video}/like", by=people[1]),
        api.post(f"/videos/{video}/dislike", by=people[1]),
        api.delete(f"/videos/{video}/reaction", by=people[1]),
        api.post(f"/videos/{video}/like", by=people[1]),
        api.post(f"/videos/{video}/view"),
        api.post(f"/videos/{video}/recreate", by=people[1]),
        api.post(f"/videos/{video}/sync-status", by=people[0]),
        api.get("/videos/feed", by=people[1]),
        api.get(f"/videos/{video}"),
        api.get(f"/users/{people[0].id}", by=people[0]),
        api.patch(f"/users/{people[0].id}", {"username": "countess"}, by=people[0]),
        api.get(f"/users/{people[0].id}/videos", by=people[0]),
        api.get(f"/users/{people[1].id}/liked", by=people[0]),
        api.get("/users/top", by=people[0]),
        api.post("/tasks/leaderboard", signed=False),
        api.post("/tasks/sweep", signed=False),
    ):
        assert call.status_code in (200, 201), (call.request.path, call.text)
    with connected(hosted.login) as connection:
        assert violations(connection) == []
        assert query(connection, "SELECT logic.delete_video(CAST($1 AS uuid))", video) == [True]
        assert violations(connection) == []


def test_a_token_that_outlived_its_account_is_no_longer_good(
    hosted: Hosted, api: Api, configure: Callable[..., None]
) -> None:
    configure(DATABASE_URL=hosted.login)
    gone = Person("gone")
    for answer in (
        api.post("/videos/create", {"prompt": "a kite"}, by=gone),
        api.get(f"/users/{gone.id}", by=gone),
        api.patch(f"/users/{gone.id}", {"username": "nobody"}, by=gone),
    ):
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_token")


def test_without_accounts_in_the_database_profiles_stand_alone(environment: None) -> None:
    with connected() as connection:
        assert len(make_people(connection, 2)) == 2
        assert query(connection, "SELECT count(*) FROM pg_constraint WHERE conname = 'profiles_id_fkey'") == [0]
