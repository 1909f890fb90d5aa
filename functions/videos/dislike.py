"""POST /videos/{id}/dislike: the caller dislikes the video, whatever they thought of it before."""

from shared.answers import Answer
from shared.call import Call
from shared.endpoint import endpoint
from shared.reactions import react


@endpoint("POST", "/videos/{id}/dislike", access="account", signed=True)
def videos_dislike(call: Call) -> Answer:
    """Answer `{"success": true}`; disliking twice changes nothing, disliking after liking switches."""
    return react(call, "dislike")
