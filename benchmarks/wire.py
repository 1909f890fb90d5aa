"""Turns and bytes between every route and the database: counted, not timed. `tests/test_wire.py` asserts the turns."""

import os
import tempfile

from benchmarks.tools.database import database
from benchmarks.tools.report import publish, table
from tests.api import JWT_SECRET, SIGNATURE_SECRET
from tests.wire import SUPABASE_URL, every_route


def main() -> None:
    """Count and publish."""
    with database("wire") as url, tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "DATABASE_POOL_SIZE": "1",
            "SUPABASE_JWT_SECRET": JWT_SECRET,
            "SUPABASE_URL": SUPABASE_URL,
            "REQUEST_SIGNATURE_SECRET": SIGNATURE_SECRET,
            "MEDIA_ROOT": folder,
            "LOCAL_QUEUE_PATH": f"{folder}/queue.sqlite3",
            "VIDEO_CREATION_COOLDOWN_SECONDS": "0",
            "VIDEO_QUEUE_MAXSIZE": "100",
            "LOG_LEVEL": "ERROR",
        }
        publish("wire", counted(url))


def counted(url: str) -> str:
    """Return the table for a service over this empty database."""
    # After the environment is complete: the settings are read once.
    from local.gateway import Gateway, read_operations  # noqa: PLC0415
    from shared.db.pool import pool  # noqa: PLC0415
    from tests.api import Api  # noqa: PLC0415
    from tests.proxy import counting_proxy  # noqa: PLC0415

    with counting_proxy(url) as (proxy, through_proxy):
        os.environ["DATABASE_URL"] = through_proxy
        api = Api(Gateway(read_operations()))
        api.get("/videos/feed")
        found = every_route(api, proxy)
        pool().close()
    lines = [[name, each.turns, f"{each.sent_bytes:,}", f"{each.received_bytes:,}"] for name, each in found.items()]
    text = "The second call of each; `videos_feed` is a page of twenty videos, `users_videos` of twenty-five."
    return f"{text}\n\n{table(['entry point', 'turns', 'bytes sent', 'bytes received'], lines)}"


if __name__ == "__main__":
    main()
