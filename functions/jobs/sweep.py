"""POST /tasks/sweep: repair what crashes and outages left behind. Cloud Scheduler calls it every minute."""

import json

from shared.answers import NO_STORE, Answer, cached
from shared.call import Call
from shared.config import settings
from shared.endpoint import endpoint
from shared.pipeline.sweep import sweep
from shared.queue.factory import task_queue


@endpoint("POST", "/tasks/sweep", access="task", signed=False)
def jobs_sweep(call: Call) -> Answer:  # noqa: ARG001 - a route takes its call, also one that needs nothing of it
    """Answer how many of each were repaired; may run at any time, beside workers and beside itself."""
    return cached(json.dumps(sweep(settings(), task_queue())), NO_STORE)
