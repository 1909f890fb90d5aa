"""What one running twin is made of, and how its routes reach it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from flask import current_app

from local.supabase_twin.keys import Signer
from local.supabase_twin.store import Store

EXTENSION_NAME = "supabase_twin"


@dataclass(frozen=True)
class Twin:
    """The parts of a running twin. `now` tells unix seconds; `deliver` takes an e-mail address and a link for it."""

    store: Store
    signer: Signer
    public_url: str
    now: Callable[[], float]
    reuse_interval_seconds: float
    deliver: Callable[[str, str], None]

    @property
    def issuer(self) -> str:
        """The `iss` of every token: where this service is reached from outside."""
        return f"{self.public_url}/auth/v1"


def current_twin() -> Twin:
    """Return the twin that serves the current request."""
    return cast("Twin", current_app.extensions[EXTENSION_NAME])
