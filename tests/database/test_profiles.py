"""A person's profile: the name it begins with, and what their sight changes in it."""

from uuid import UUID, uuid4

import pytest

from shared.db.pipelined import PipelinedConnection
from tests.database.world import connected, query

ID = UUID("11111111-2222-4333-8444-0123456789ab")


def see(connection: PipelinedConnection, person: UUID, email: str | None, username: str | None) -> None:
    """See the person as every statement of theirs does."""
    query(connection, "SELECT logic.ensure_profile(CAST($1 AS uuid), $2, $3)", person, email, username)


def names(connection: PipelinedConnection, person: UUID) -> list[str]:
    return query(connection, "SELECT username FROM profiles WHERE id = CAST($1 AS uuid)", person)


@pytest.mark.parametrize(
    ("email", "username", "name"),
    [
        ("ada@example.com", "Countess", "countess"),
        ("lei.li@example.com", "李雷", "lei.li"),
        ("lei.li@example.com", " @lei ", "lei.li"),
        ("lei.li@example.com", None, "lei.li"),
        ("李雷@example.com", "李雷", "creator"),
        (None, "李雷", "creator"),
        ("", "", "creator"),
        ("@example.com", "", "creator"),
    ],
)
def test_the_first_name_is_made_of_the_first_wish_of_which_something_is_left(
    environment: None, email: str | None, username: str | None, name: str
) -> None:
    with connected() as connection:
        see(connection, ID, email, username)
        assert names(connection, ID) == [name]


@pytest.mark.parametrize(("wish", "name"), [("creator", "creator_"), ("a" * 40, "a" * 17 + "_")])
def test_with_every_number_of_a_name_taken_the_rest_is_of_the_persons_id(
    environment: None, wish: str, name: str
) -> None:
    with connected() as connection:
        query(connection, "SET statement_timeout = '20s'")
        # By far the longest part of it otherwise are the triggers.
        query(connection, "SET session_replication_role = replica")
        query(
            connection,
            """
            INSERT INTO profiles (id, username)
            SELECT gen_random_uuid(), concat($1::text, '_' || lpad(number::text, 5, '0'))
            FROM (SELECT generate_series(0, 99999) AS number UNION ALL SELECT NULL) AS numbers
            """,
            wish[:24],
        )
        query(connection, "SET session_replication_role = origin")
        see(connection, ID, None, wish)
        assert names(connection, ID) == [f"{name}0123456789ab"]
        # Nobody has an id that ends like another's, unless it was chosen: that is refused, and not tried for ever.
        with pytest.raises(Exception, match="profiles_username"):
            see(connection, UUID(int=ID.int + (1 << 64)), None, wish)


def test_an_email_that_was_missing_is_taken_from_the_token_and_any_other_left(environment: None) -> None:
    def row(connection: PipelinedConnection) -> list[tuple[str, str]]:
        return query(connection, "SELECT email, xmin::text FROM profiles WHERE id = CAST($1 AS uuid)", ID)

    with connected() as connection:
        see(connection, ID, None, "ada")
        before = row(connection)
        for nothing in (None, ""):
            see(connection, ID, nothing, "ada")
        assert row(connection) == before
        assert before[0][0] == ""
        see(connection, ID, "ada@example.com", "ada")
        filled = row(connection)
        assert filled[0][0] == "ada@example.com"
        # An old token may be older than what a hook told.
        see(connection, ID, "old@example.com", "ada")
        assert row(connection) == filled
        query(connection, "UPDATE profiles SET last_active_at = now() - interval '1 hour'")
        see(connection, ID, "old@example.com", "ada")
        assert row(connection)[0][0] == "ada@example.com"


def test_a_hundred_people_of_one_name_are_told_apart(environment: None) -> None:
    with connected() as connection:
        people = [uuid4() for _ in range(100)]
        for person in people:
            see(connection, person, None, "ada")
        assert query(connection, "SELECT count(DISTINCT username) FROM profiles WHERE username LIKE 'ada%'") == [100]
