"""DELETE /videos/{id}/reaction: the caller takes their like or dislike back."""

from shared.answers import Answer
from shared.call import Call
from shared.endpoint import endpoint
from shared.reactions import react


@endpoint("DELETE", "/videos/{id}/reaction", access="account", signed=True)
def videos_unreact(call: Call) -> Answer:
    """Answer `{"success": true}`, also when there was none."""
    return react(call, None)
