"""POST /videos/{id}/sync-status {"operationName"?, "sceneId"?}: how far the caller's own video is."""

from shared.answers import Answer
from shared.call import Call
from shared.db.write import write
from shared.endpoint import endpoint
from shared.fields import only_fields, path_id, text_field

MAX_NAME_CHARACTERS = 200
SQL = "SELECT * FROM logic.sync_status(CAST(:user_id AS uuid), CAST(:video_id AS uuid))"


@endpoint("POST", "/videos/{id}/sync-status", access="account", signed=True)
def videos_sync_status(call: Call) -> Answer:
    """Answer the Video, fresh; 403 `not_owner` for somebody else's finished video, 404 for their other ones."""
    only_fields(call.body, "operationName", "sceneId")
    for name, value in call.body.items():
        if value is not None:
            text_field(call.body, name, MAX_NAME_CHARACTERS)
    video_id = path_id(call.parameters, "video_not_found")
    answer, _ = write(SQL, bucket="sync", user_id=call.signed_in.id, video_id=video_id)
    return answer
