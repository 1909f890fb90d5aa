"""Demo creators for an empty service: `python -m scripts.seed_profiles`. Running it again changes nothing."""

from uuid import UUID, uuid5

from shared.db.query import fetch_rows

_NAMESPACE = UUID("6f1c54f0-6d0e-4c1b-9a37-0c2f5a1d7e11")
USERNAMES = ("mira.moves", "pixel_otto", "lena.loops", "taro.frames", "amara_sky", "jules.render")

SQL = """
INSERT INTO profiles (id, username, email)
SELECT CAST(id AS uuid), username, username || '@example.com'
FROM unnest(CAST(:ids AS text[]), CAST(:usernames AS text[])) AS creator (id, username)
ON CONFLICT DO NOTHING RETURNING username
"""


def creator_id(username: str) -> UUID:
    """Return the fixed id of a demo creator."""
    return uuid5(_NAMESPACE, username)


def seed_profiles() -> int:
    """Add the demo creators that are missing to the configured database and return how many were."""
    ids = [str(creator_id(username)) for username in USERNAMES]
    return len(fetch_rows(SQL, ids=ids, usernames=list(USERNAMES)))


if __name__ == "__main__":
    added = seed_profiles()
    print(f"            {added} demo creators added, {len(USERNAMES) - added} were there")
