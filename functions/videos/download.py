"""GET /videos/{id}/download: a short-lived link that saves the finished file."""

import json

from shared.answers import NO_STORE, Answer, cached
from shared.call import Call
from shared.config import settings
from shared.db.query import fetch_row
from shared.endpoint import endpoint
from shared.errors import ApiError
from shared.fields import path_id
from shared.storage.factory import storage_named

SQL = """
SELECT video.status = 'completed', asset.storage_backend, asset.storage_key
FROM videos AS video LEFT JOIN video_assets AS asset ON asset.video_id = video.id AND asset.asset_type = 'video'
WHERE video.id = CAST(:id AS uuid) AND (video.status = 'completed' OR video.user_id = CAST(:viewer AS uuid))
"""


@endpoint("GET", "/videos/{id}/download", access="optional", signed=False)
def videos_download(call: Call) -> Answer:
    """Answer `{"url", "expiresAt"}`; 409 `video_not_ready` to the owner of an unfinished video."""
    video_id = path_id(call.parameters, "video_not_found")
    row = fetch_row(SQL, read_only=True, id=video_id, viewer=call.viewer_id)
    if row is None:
        raise ApiError("video_not_found")
    is_finished, backend, key = row
    if not is_finished:
        raise ApiError("video_not_ready")
    # A video whose file is not in any storage of ours, such as an imported one.
    if key is None:
        raise ApiError("media_not_found")
    current = settings()
    seconds = current.gcs_signed_url_seconds
    url, expires_at = storage_named(backend, current).signed_url(key, seconds, f"instaveo-{video_id}.mp4")
    return cached(json.dumps({"url": url, "expiresAt": expires_at.isoformat()}), NO_STORE)
