"""Every route called once in its usual way through a counting proxy: turns and bytes between it and the database.

Used by the test that asserts the turns, and by `benchmarks/wire.py`, which writes them down.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.config import settings
from tests.api import Api, Person
from tests.proxy import CountingProxy
from tests.rows import make_video

if TYPE_CHECKING:
    from collections.abc import Callable

SUPABASE_URL = "http://localhost:9"


class Member(Person):
    """Somebody whose token names the issuer, which counts once SUPABASE_URL is set."""

    def token(self, **claims: Any) -> str:
        return super().token(iss=f"{SUPABASE_URL}/auth/v1", **claims)


ADA, GRACE = Member("ada"), Member("grace")


class Traffic(NamedTuple):
    """What one request sent over the wire to the database and got back."""

    turns: int
    sent_bytes: int
    received_bytes: int


class Meter:
    """Counts what each request adds, over the one connection there is."""

    def __init__(self, api: Api, proxy: CountingProxy) -> None:
        self._api = api
        self._proxy = proxy

    def traffic(self, method: str, path: str, body: object = None, *, by: Person | None = None) -> Traffic:
        """Return the traffic of one request."""
        proxy = self._proxy
        turns, sent, received = proxy.turns, proxy.client_bytes, proxy.server_bytes
        answer = self._api.request(method, path, body, by=by)
        assert proxy.connections == 1
        assert answer.status_code in (200, 201), answer.text
        return Traffic(proxy.turns - turns, proxy.client_bytes - sent, proxy.server_bytes - received)


def every_route(api: Api, proxy: CountingProxy) -> dict[str, Traffic]:
    """Return the traffic of every route that people call, by entry point; each is called a second time."""
    videos = [str(make_video(GRACE)) for _ in range(25)]
    pending, video, person = str(make_video(ADA, status="pending")), videos[0], f"/users/{GRACE.id}"
    (Path(settings().media_root) / "thumbnails").mkdir(parents=True)
    (Path(settings().media_root) / "thumbnails" / "a.jpg").write_bytes(b"picture")
    calls: dict[str, Callable[[Meter], Traffic]] = {
        "videos_feed": lambda meter: meter.traffic("GET", "/videos/feed", by=ADA),
        "videos_get": lambda meter: meter.traffic("GET", f"/videos/{video}", by=ADA),
        "videos_create": lambda meter: meter.traffic("POST", "/videos/create", {"prompt": "a kite"}, by=ADA),
        "videos_recreate": lambda meter: meter.traffic("POST", f"/videos/{video}/recreate", by=ADA),
        "videos_sync_status": lambda meter: meter.traffic("POST", f"/videos/{pending}/sync-status", by=ADA),
        "videos_like": lambda meter: meter.traffic("POST", f"/videos/{videos.pop()}/like", by=ADA),
        "videos_dislike": lambda meter: meter.traffic("POST", f"/videos/{videos.pop()}/dislike", by=ADA),
        "videos_unreact": lambda meter: meter.traffic("DELETE", f"/videos/{video}/reaction", by=ADA),
        "videos_view": lambda meter: meter.traffic("POST", f"/videos/{videos.pop()}/view", by=ADA),
        "videos_download": lambda meter: meter.traffic("GET", f"/videos/{video}/download"),
        "users_get": lambda meter: meter.traffic("GET", person, by=ADA),
        "users_top": lambda meter: meter.traffic("GET", "/users/top", by=ADA),
        "users_videos": lambda meter: meter.traffic("GET", f"{person}/videos", by=ADA),
        "users_liked": lambda meter: meter.traffic("GET", f"/users/{ADA.id}/liked", by=ADA),
        "users_update": lambda meter: meter.traffic("PATCH", f"/users/{ADA.id}", {"username": "lovelace"}, by=ADA),
        "auth_oauth": lambda meter: meter.traffic("GET", "/auth/oauth/google"),
        "media_serve": lambda meter: meter.traffic("GET", "/media/thumbnails/a.jpg"),
        "health_check": lambda meter: meter.traffic("GET", "/health"),
        "docs_page": lambda meter: meter.traffic("GET", "/docs"),
        "docs_openapi": lambda meter: meter.traffic("GET", "/openapi.yaml"),
    }
    meter = Meter(api, proxy)
    for call in calls.values():
        call(meter)
    return {name: call(meter) for name, call in calls.items()}
