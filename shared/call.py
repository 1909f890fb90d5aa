"""What a route gets from the edge: one request, already let in, verified and parsed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from werkzeug.datastructures import Headers

from shared.auth import User


@dataclass(frozen=True)
class Call:
    """One request. `address` stands for the caller's network address; `body` is the JSON object sent, {} if none."""

    request_id: str
    method: str
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    headers: Headers
    body: dict[str, Any]
    raw_body: bytes
    address: str
    user: User | None

    @property
    def viewer_id(self) -> UUID | None:
        """The signed-in person's id, or None."""
        return self.user.id if self.user else None

    @property
    def signed_in(self) -> User:
        """The signed-in person. Raises TypeError on a route that lets others in: a programming error."""
        if self.user is None:
            raise TypeError("this route does not require a user")
        return self.user
