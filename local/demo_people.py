"""The demo creators that an empty service begins with, and their accounts in the Supabase twin."""

import time
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid5

from local.supabase_twin.identities import link_email
from local.supabase_twin.passwords import hash_password
from local.supabase_twin.store import Store
from local.supabase_twin.users import find_user_by_email, insert_user

_NAMESPACE = UUID("6f1c54f0-6d0e-4c1b-9a37-0c2f5a1d7e11")
USERNAMES = ("mira.moves", "pixel_otto", "lena.loops", "taro.frames", "amara_sky", "jules.render")
# Opens nothing but the twin on one's own machine.
DEMO_PASSWORD = "instaveo-demo"  # noqa: S105


def creator_id(username: str) -> UUID:
    """Return the fixed id of a demo creator, the same in the database and in the twin."""
    return uuid5(_NAMESPACE, username)


def email_of(username: str) -> str:
    """Return a demo creator's address."""
    return f"{username}@example.com"


def demo_accounts() -> list[dict[str, str]]:
    """Return what the playground needs to sign in as one of them."""
    return [{"username": name, "email": email_of(name), "password": DEMO_PASSWORD} for name in USERNAMES]


def add_demo_accounts(state_folder: Path) -> int:
    """Give the demo creators accounts in the twin whose state is in `state_folder`; return how many were missing."""
    state_folder.mkdir(parents=True, exist_ok=True)
    password_hash, now = hash_password(DEMO_PASSWORD), time.time()
    added = 0
    with Store(state_folder).transaction() as connection:
        for name in USERNAMES:
            if find_user_by_email(connection, email_of(name)):
                continue
            metadata = {"username": name}
            user = insert_user(connection, now, email=email_of(name), password_hash=password_hash, metadata=metadata)
            # The twin makes up an id as the real service does; here the profile was first.
            connection.execute("UPDATE users SET id = ? WHERE id = ?", (str(creator_id(name)), user.id))
            link_email(connection, replace(user, id=str(creator_id(name))), now)
            added += 1
    return added
