"""POST /videos/{id}/recreate: a new video of the same prompt."""

from shared.answers import Answer
from shared.call import Call
from shared.creation import create_video
from shared.endpoint import endpoint
from shared.fields import only_fields, path_id


@endpoint("POST", "/videos/{id}/recreate", access="account", signed=True)
def videos_recreate(call: Call) -> Answer:
    """Answer 201 with the Video, its `sourceVideoId` set; 404 `video_not_found` for one that the caller may not see."""
    only_fields(call.body)
    return create_video(call, source_video_id=path_id(call.parameters, "video_not_found"))
