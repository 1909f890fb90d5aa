"""GET /media/{key}: a stored file of the local backend, whole or in ranges; a bucket serves its files itself."""

from shared.answers import NO_STORE, Answer
from shared.call import Call
from shared.config import settings
from shared.endpoint import endpoint
from shared.storage.factory import file_storage
from shared.storage.files import FileStorage
from shared.storage.ranges import is_unchanged, may_continue, requested_range
from shared.storage.store import attachment, content_type_of

# What is stored under a key never changes.
IMMUTABLE = "public, max-age=31536000, immutable"
LINK_PARAMETERS = frozenset(("expires", "download", "signature"))


@endpoint("GET", "/media/{key*}", access="none", signed=False)
def media_serve(call: Call) -> Answer:
    """Stream the file: 200, 206 for a range, 304 when the caller has it; 403 for a download link that is not valid."""
    key = call.parameters["key"]
    files = file_storage(settings())
    size_bytes, etag = files.version(key)
    headers = {"ETag": etag, "Accept-Ranges": "bytes", **_cache_headers(call, files, key)}
    if is_unchanged(call.headers.get("If-None-Match"), etag):
        kept = {name: headers[name] for name in ("ETag", "Cache-Control")}
        return Answer(status=304, headers=kept, content_type=None)
    wanted = None
    # Ranges are defined for GET only; HEAD tells about the whole.
    if call.method == "GET" and may_continue(call.headers.get("If-Range"), etag):
        wanted = requested_range(call.headers.get("Range"), size_bytes)
    start, end = wanted or (0, size_bytes)
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size_bytes}"
    headers["Content-Length"] = str(end - start)
    body = files.read(key, start, end) if call.method == "GET" else b""
    return Answer(body, 206 if wanted else 200, headers, content_type_of(key))


def _cache_headers(call: Call, files: FileStorage, key: str) -> dict[str, str]:
    """Return the caching of a plain address, or of a download link, which must not outlive its time in a cache."""
    if not call.query.keys() & LINK_PARAMETERS:
        return {"Cache-Control": IMMUTABLE}
    return {"Cache-Control": NO_STORE, "Content-Disposition": attachment(files.check_link(key, call.query))}
