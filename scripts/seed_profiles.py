"""Demo creators for an empty service: `python -m scripts.seed_profiles`. Running it again changes nothing."""

import os
import sys
from pathlib import Path

from local.demo_people import DEMO_PASSWORD, USERNAMES, add_demo_accounts, creator_id
from shared.db.query import fetch_row, fetch_rows
from shared.errors import ApiError

SQL = """
INSERT INTO profiles (id, username, email)
SELECT CAST(id AS uuid), username, username || '@example.com'
FROM unnest(CAST(:ids AS text[]), CAST(:usernames AS text[])) AS creator (id, username)
ON CONFLICT DO NOTHING RETURNING username
"""


def belongs_to_supabase() -> bool:
    """Tell whether every profile of the configured database must be an account of a Supabase project."""
    row = fetch_row("SELECT to_regclass('auth.users') IS NOT NULL", read_only=True)
    return row is not None and row[0]


def seed_profiles() -> int:
    """Add the demo creators that are missing to the configured database and return how many were.

    None in a Supabase project: a profile without an account cannot be there.
    """
    if belongs_to_supabase():
        return 0
    ids = [str(creator_id(username)) for username in USERNAMES]
    return len(fetch_rows(SQL, ids=ids, usernames=list(USERNAMES)))


def _main() -> None:
    try:
        if belongs_to_supabase():
            print("            no demo creators: in a Supabase project every profile is an account")
            return
        added = seed_profiles()
    except ApiError as error:
        sys.exit(f"{error.message} It is the one of DATABASE_URL; `make seed` takes the one of `make dev`.")
    print(f"            {added} demo creators added, {len(USERNAMES) - added} were there")
    # The runner says so when its Supabase twin is in use: people of a real project sign up themselves.
    if "supabase" in os.environ.get("STAND_INS", ""):
        add_demo_accounts(Path(os.environ["STATE_FOLDER"]))
        print(f"            sign in as one of them: {USERNAMES[0]}@example.com, password {DEMO_PASSWORD}")


if __name__ == "__main__":
    _main()
