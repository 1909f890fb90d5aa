"""POST /videos/{id}/sync-status {"operationName"?, "sceneId"?}: how far the caller's own video is."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from shared.answers import Answer
from shared.call import Call
from shared.config import Settings, settings
from shared.db.query import fetch_row
from shared.db.write import write
from shared.endpoint import endpoint
from shared.errors import ApiError, invalid_field
from shared.fields import only_fields, path_id, text_field

MAX_NAME_CHARACTERS = 200
SQL = """
SELECT * FROM logic.sync_status(CAST(:user_id AS uuid), CAST(:video_id AS uuid), CAST(:operation_name AS text),
    CAST(:scene_id AS uuid), CAST(:provider AS text), CAST(:poll_seconds AS double precision))
"""
OWN_VIDEO = "SELECT logic.own_video(CAST(:video_id AS uuid))"


@endpoint("POST", "/videos/{id}/sync-status", access="account", signed=True)
def videos_sync_status(call: Call) -> Answer:
    """Answer the Video, fresh; 403 `not_owner` for somebody else's finished video, 404 for their other ones.

    When no worker has the job, the provider is asked, once per poll interval at most, and a clip that is ready is
    stored.
    """
    current = settings()
    video_id = path_id(call.parameters, "video_not_found")
    operation_name, scene_id = _overrides(call.body, current)
    answer, job_id = write(
        SQL,
        user_id=call.signed_in.id,
        video_id=video_id,
        operation_name=operation_name,
        scene_id=scene_id,
        provider=current.generation_provider,
        poll_seconds=current.video_status_poll_seconds,
    )
    if job_id is None:
        return answer
    _look(job_id, current)
    row = fetch_row(OWN_VIDEO, read_only=True, video_id=video_id)
    if row is None or row[0] is None:
        raise ApiError("video_not_found")
    return replace(answer, body=row[0])


def _look(job_id: UUID, current: Settings) -> None:
    # Most calls are answered without the pipeline, and need not wait for its imports.
    from shared.pipeline.factory import pipeline  # noqa: PLC0415

    pipeline(current).look(job_id, current.request_timeout_seconds)


def _overrides(body: dict[str, Any], current: Settings) -> tuple[str | None, UUID | None]:
    """Return the operation's name and the scene's id that the caller wants attached, both checked for their shape.

    A scene alone names nothing that could be attached, and changes nothing.
    """
    only_fields(body, "operationName", "sceneId")
    given = {name: text_field(body, name, MAX_NAME_CHARACTERS) for name, value in body.items() if value is not None}
    try:
        scene_id = UUID(given["sceneId"]) if "sceneId" in given else None
    except ValueError as error:
        raise invalid_field("sceneId", "must be a UUID") from error
    if "operationName" not in given:
        return None, None
    from shared.generation.factory import provider  # noqa: PLC0415 - as above

    if not provider(current).is_operation_name(given["operationName"]):
        raise invalid_field("operationName", "is not the name of an operation")
    return given["operationName"], scene_id
