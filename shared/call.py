"""What a route gets from the edge: one request, already let in, verified and parsed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from werkzeug.datastructures import Headers

from shared.address import hashed_address
from shared.auth import User
from shared.config import settings


@dataclass(frozen=True)
class Call:
    """One request. `body` is the JSON object sent, {} if none; `remote_address` is the neighbour who connected."""

    request_id: str
    method: str
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    headers: Headers
    body: dict[str, Any]
    raw_body: bytes
    remote_address: str | None
    user: User | None

    @property
    def address(self) -> str:
        """What stands for the caller's network address, the same for one caller at all times."""
        current = settings()
        return hashed_address(
            self.remote_address,
            self.headers.get("X-Forwarded-For"),
            behind_proxy=current.in_cloud,
            salt=current.address_hash_salt,
        )

    @property
    def viewer_id(self) -> UUID | None:
        """The signed-in person's id, or None."""
        return self.user.id if self.user else None

    @property
    def person(self) -> User | None:
        """The signed-in person, None for nobody and for an anonymous session: that one has no profile."""
        return None if self.user is None or self.user.is_anonymous else self.user

    @property
    def signed_in(self) -> User:
        """The signed-in person. Raises TypeError on a route that lets others in: a programming error."""
        if self.user is None:
            raise TypeError("this route does not require a user")
        return self.user
