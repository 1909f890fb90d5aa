"""POST /videos/create {"prompt"}: a new video, rendered as soon as its turn comes."""

from shared.answers import Answer
from shared.call import Call
from shared.creation import create_video
from shared.endpoint import endpoint
from shared.fields import only_fields, text_field

MAX_PROMPT_CHARACTERS = 2000


@endpoint("POST", "/videos/create", access="account", signed=True)
def videos_create(call: Call) -> Answer:
    """Answer 201 with the Video, `status: "pending"`; the same Idempotency-Key gives the same video again."""
    only_fields(call.body, "prompt")
    return create_video(call, prompt=text_field(call.body, "prompt", MAX_PROMPT_CHARACTERS))
