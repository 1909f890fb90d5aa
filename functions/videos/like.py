"""POST /videos/{id}/like: the caller likes the video, whatever they thought of it before."""

from shared.answers import Answer
from shared.call import Call
from shared.endpoint import endpoint
from shared.reactions import react


@endpoint("POST", "/videos/{id}/like", access="account", signed=True)
def videos_like(call: Call) -> Answer:
    """Answer `{"success": true}`; liking twice changes nothing, liking after disliking switches."""
    return react(call, "like")
