"""Files that no row speaks of: left by killed workers, failed jobs and deleted videos.

Object stores list by name, not by what is missing in a database. So every run looks at one slice of the names, by the
first two digits of the video's id; all of them have had their turn within 256 minutes.
"""

import json
from collections.abc import Iterator
from itertools import islice

from shared.config import Settings
from shared.db.query import fetch_rows
from shared.log import log
from shared.storage.factory import storage
from shared.storage.store import Storage, content_type_of

# Nothing younger is touched: whatever is being made is finished or given up by then.
AGE_SECONDS = 24 * 3600.0
SLICES = 256
# A look at one slice stops here, and a run removes no more than this.
NAMES_MAX, REMOVALS_MAX, BATCH = 20_000, 500, 1_000
# Copies that are on their way into the storage; what lies there after a day is of no more use. The first is the prefix
# of shared/media/ingest.py, which is not imported for it: that would bring FFmpeg into every sweep.
SCRATCH_PREFIXES = ("incoming/", "veo/")
PUBLISHED_PREFIXES = ("videos/", "thumbnails/")
WITHOUT_ROWS = """
SELECT logic.keys_without_rows(ARRAY(SELECT json_array_elements_text(CAST(:keys AS json))))
"""


def remove_litter(settings: Settings, minute: int) -> int:
    """Remove files that nobody can ask for, of this minute's slice, and return how many. Raises ApiError."""
    slice_name = f"{minute % SLICES:02x}"
    store = storage(settings)
    age_seconds = max(AGE_SECONDS, 2 * settings.video_job_deadline_seconds)
    removed = 0
    for key in islice(_litter(store, slice_name, age_seconds), REMOVALS_MAX):
        store.delete(key)
        log("file_removed", key=key)
        removed += 1
    return removed


def _litter(store: Storage, slice_name: str, age_seconds: float) -> Iterator[str]:
    for prefix in SCRATCH_PREFIXES:
        yield from filter(_is_key, store.list_older(prefix, age_seconds))
    for prefix in PUBLISHED_PREFIXES:
        names = filter(_is_key, islice(store.list_older(prefix + slice_name, age_seconds), NAMES_MAX))
        while batch := list(islice(names, BATCH)):
            yield from _without_rows(batch)


def _without_rows(keys: list[str]) -> list[str]:
    return [row[0] for row in fetch_rows(WITHOUT_ROWS, read_only=True, keys=json.dumps(keys))]


def _is_key(name: str) -> bool:
    """Tell whether this is a name that we give: a bucket may hold what others put there."""
    try:
        content_type_of(name)
    except ValueError:
        return False
    return True
