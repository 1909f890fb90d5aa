"""POST /tasks/generate {"jobId"}: the Cloud Tasks target that turns a prompt into a stored video."""

import json
from uuid import UUID

from shared.answers import NO_STORE, Answer
from shared.call import Call
from shared.config import settings
from shared.endpoint import endpoint
from shared.errors import invalid_field
from shared.fields import only_fields, text_field
from shared.pipeline.factory import pipeline
from shared.queue.task_queue import DISPATCH_DEADLINE_SECONDS


@endpoint("POST", "/tasks/generate", access="task", signed=False)
def generate_worker(call: Call) -> Answer:
    """Answer 200 when the job is over, finished or failed for good; 503 when the task is to be sent again."""
    only_fields(call.body, "jobId")
    try:
        job_id = UUID(text_field(call.body, "jobId", 36))
    except ValueError as error:
        raise invalid_field("jobId", "must be a UUID") from error
    current = settings()
    seconds = min(current.request_timeout_seconds, DISPATCH_DEADLINE_SECONDS)
    outcome = pipeline(current).run(job_id, seconds)
    return Answer(json.dumps({"status": outcome}), headers={"Cache-Control": NO_STORE})
