"""The pipeline: claim, submit, poll, store, finish. Killed anywhere, it goes on where the job's row says.

What is bought is written down before anything else happens; what is stored has a name that follows from the video;
what is finished is finished in one statement. docs/pipeline.md tells what happens at every failure.
"""

import time
from dataclasses import replace
from uuid import UUID

from pg8000.exceptions import DatabaseError

from shared.config import ConfigurationError, Settings
from shared.errors import ApiError
from shared.generation.factory import provider_named
from shared.generation.provider import FAILURES, Clip, GenerationError, Provider
from shared.log import RECORD, log_crash
from shared.media.ingest import Ingested
from shared.pipeline import job as jobs
from shared.pipeline.assets import asset_rows
from shared.pipeline.job import Job, LeaseLostError
from shared.pipeline.store import store
from shared.storage.store import Storage

# Before the platform's own deadline there must be time to store a clip, or to give the job back.
RESERVE_SECONDS = 90.0
# The slowest submission: a new access token, the call, and both once more, each with its own time-outs. As long as it
# lasts nobody else may take the job, for they would buy the clip again.
SUBMISSION_SECONDS = 180.0
# After a failure that is not the clip's own, e.g. of the storage, while the work that was paid for waits.
_PAUSE_SECONDS = 20.0
_FIRST_BACKOFF_SECONDS, _LONGEST_BACKOFF_SECONDS = 5.0, 300.0
_LONGEST_RETRY_AFTER_SECONDS = 60.0
SEEDS = 1_000_000
_PROGRESS_WHILE_RENDERING, _PROGRESS_WHILE_STORING = 90, 95


class Pipeline:
    """One worker's tools: a provider, a storage and the settings."""

    def __init__(self, settings: Settings, provider: Provider, storage: Storage) -> None:
        self._settings = settings
        self._provider = provider
        self._storage = storage

    def run(self, job_id: UUID, seconds: float) -> str:
        """Bring the job as far as `seconds` allow and return `done` once nothing is left to do.

        Raises ApiError `lane_busy` or `try_again` (503, with Retry-After) when the task must come again.
        """
        claimed = jobs.claim(job_id, self._settings.video_job_lease_seconds)
        if claimed == "done":
            return "done"
        if isinstance(claimed, str):
            raise ApiError("lane_busy" if claimed == "busy" else "try_again", headers={"Retry-After": "10"})
        try:
            self._try(claimed, time.monotonic() + seconds - RESERVE_SECONDS, asks_once=False)
        except LeaseLostError as error:
            claimed.log("job_lease_lost", "WARNING")
            raise ApiError("lane_busy", headers={"Retry-After": "10"}) from error
        return "done"

    def look(self, job_id: UUID, seconds: float) -> None:
        """Ask the provider once, unless somebody has the job or has just asked, and store the clip if it is ready."""
        settings = self._settings
        claimed = jobs.claim(job_id, settings.video_job_lease_seconds, settings.video_status_poll_seconds)
        if isinstance(claimed, str):
            return
        try:
            self._try(claimed, time.monotonic() + seconds - RESERVE_SECONDS, asks_once=True)
        except LeaseLostError:
            claimed.log("job_lease_lost", "WARNING")
        except ApiError as error:
            # The row says what is next; who looks is told how far the video is, not what we had to put off.
            if error.code != "try_again":
                raise

    def _try(self, job: Job, deadline: float, *, asks_once: bool) -> None:
        try:
            self._check_may_go_on(job)
            if job.operation_name is None:
                job = replace(job, submissions=job.submissions + 1)
                job = replace(job, operation_name=self._submit(job, deadline), provider=self._provider.name, attempts=0)
            clip = self._wait(job, deadline, asks_once=asks_once)
            ingested = self._store(job, clip, deadline)
            self._finish(job, clip, ingested)
        except GenerationError as error:
            self._failed(job, error)
        except (ApiError, LeaseLostError):
            raise
        except Exception as error:
            # A bug: counted, so that it comes to an end, and off the lane, so that it stops nobody else's video. Told
            # first: should giving back fail too, nothing else would.
            log_crash("job_crashed", error, jobId=job.id)
            self._give_back(job, _backoff_seconds(job), "crashed", failed=True)
            raise

    def _check_may_go_on(self, job: Job) -> None:
        """Raise GenerationError when there is nothing left to try: no purchase, or no more of a clip that is bought."""
        settings = self._settings
        most = settings.video_job_max_attempts
        if job.operation_name is None:
            # A clip that cannot be ready in time would be bought in vain.
            needed_seconds = min(2 * settings.video_expected_seconds, settings.video_job_deadline_seconds / 2)
            is_over = job.seconds_left < needed_seconds or job.attempts >= most or job.submissions >= most
        else:
            # After the last attempt the provider is asked once more: the clip may be ready.
            is_over = job.attempts > most
        if is_over:
            code = job.failure_code if job.failure_code in FAILURES else "timed_out"
            raise GenerationError(code, f"after {job.attempts} attempts, {job.submissions} submissions")

    def _submit(self, job: Job, deadline: float) -> str:
        """Buy a clip, write its operation's name down and return it.

        Raises GenerationError: `submission_unconfirmed`, which nothing repeats, when a clip may have been bought that
        no row can name.
        """
        lease_seconds = max(job.lease_seconds, SUBMISSION_SECONDS)
        job.write(jobs.SUBMITTING, "job_submitting", provider=self._provider.name, lease_seconds=lease_seconds)
        seed = job.scene_id.int % SEEDS
        aspect_ratio = self._settings.generation_aspect_ratio
        try:
            operation_name = self._provider.submit(job.prompt, str(job.scene_id), aspect_ratio, seed)
        except GenerationError:
            raise
        except Exception as error:
            # A bug, and nobody knows on which side of the purchase.
            log_crash("submission_crashed", error, jobId=job.id)
            raise GenerationError("submission_unconfirmed", repr(error)) from error
        # Should the next write never happen, this line is the only trace of what was bought.
        job.log("job_accepted", RECORD, operation=operation_name)
        # As long as there is time: whoever gives up here has the clip bought again.
        patience_seconds = deadline + RESERVE_SECONDS / 2 - time.monotonic()
        try:
            job.write(jobs.SUBMITTED, "job_submitted", patience_seconds=patience_seconds, operation_name=operation_name)
        except DatabaseError as error:
            log_crash("submission_crashed", error, jobId=job.id)
            raise GenerationError("submission_unconfirmed", f"{operation_name} was not written down") from error
        return operation_name

    def _wait(self, job: Job, deadline: float, *, asks_once: bool) -> Clip:
        """Poll until the clip is ready. Raises GenerationError, or ApiError `try_again` when time runs out."""
        provider = self._seller(job)
        status, polls = job.provider_status, job.polls
        while True:
            state = provider.poll(job.operation_name or "", str(job.scene_id), status)
            polls += 1
            if isinstance(state, Clip):
                self._sign_of_life(job, state.status, _PROGRESS_WHILE_STORING, is_new=state.status != status)
                return state
            no_more_attempts = job.attempts >= self._settings.video_job_max_attempts
            if polls >= self._settings.video_status_max_polls or job.is_overdue or no_more_attempts:
                raise GenerationError("timed_out", f"after {polls} polls")
            self._sign_of_life(job, state.status, self._progress(polls), is_new=state.status != status)
            status = state.status
            if asks_once or time.monotonic() + self._settings.video_status_poll_seconds > deadline:
                self._give_back(job, 0, None if asks_once else "deadline", failed=False)
                raise ApiError("try_again", headers={"Retry-After": "1"})
            time.sleep(self._settings.video_status_poll_seconds)

    def _seller(self, job: Job) -> Provider:
        """Return the provider that sold the job's operation, which need not be the one that sells the next.

        Raises GenerationError when its settings are gone: they may come back until the deadline.
        """
        if job.provider is None or job.provider == self._provider.name:
            return self._provider
        try:
            return provider_named(job.provider, self._settings)
        except ConfigurationError as error:
            raise GenerationError("provider_unavailable", str(error)) from error

    def _progress(self, polls: int) -> int:
        waited_seconds = polls * self._settings.video_status_poll_seconds
        share: float = 1 - 0.5 ** (3 * waited_seconds / max(self._settings.video_expected_seconds, 1))
        return round(_PROGRESS_WHILE_RENDERING * share)

    def _sign_of_life(self, job: Job, status: str, progress: int, *, is_new: bool, is_poll: bool = True) -> None:
        event = "job_progressed" if is_new else None
        job.write(jobs.PROGRESSED, event, provider_status=status, progress=progress, is_poll=is_poll)

    def _store(self, job: Job, clip: Clip, deadline: float) -> Ingested:
        def alive() -> None:
            if time.monotonic() > deadline + RESERVE_SECONDS / 2:
                raise GenerationError("download_failed", "the function's time is over")
            self._sign_of_life(job, clip.status, _PROGRESS_WHILE_STORING, is_new=False, is_poll=False)

        ingested = store(job, clip, self._settings, self._storage, alive)
        job.write(jobs.STORED, "job_stored", size_bytes=ingested.video.size_bytes, sha256=ingested.video.sha256)
        return ingested

    def _finish(self, job: Job, clip: Clip, ingested: Ingested) -> None:
        assets = asset_rows(self._storage, ingested, clip.source_url, clip.thumbnail_url)
        job.write(jobs.FINISH, "job_completed", duration_seconds=ingested.facts.duration_seconds, assets=assets)

    def _failed(self, job: Job, error: GenerationError) -> None:
        """Give the job back when another try may help, else end it. Raises ApiError `try_again` in the first case."""
        job.log("job_attempt_failed", "WARNING", code=error.code, detail=error.detail)
        # An operation that lives is paid for: what keeps us from its clip is tried until the deadline, not counted.
        buys = job.operation_name is None or error.resubmit
        counts = buys or error.code == "not_playable"
        most = self._settings.video_job_max_attempts
        is_last = job.is_overdue or (counts and job.attempts + 1 >= most) or (buys and job.submissions >= most)
        if error.transient and not is_last:
            delay_seconds = error.retry_after_seconds or (_backoff_seconds(job) if counts else _PAUSE_SECONDS)
            self._give_back(job, delay_seconds, error.code, failed=counts, forget_operation=error.resubmit)
            # The row knows the whole delay. A queue that were told could hold back everybody's jobs for as long.
            retry_after_seconds = round(min(delay_seconds, _LONGEST_RETRY_AFTER_SECONDS))
            raise ApiError("try_again", headers={"Retry-After": str(retry_after_seconds)}, cause=error.code)
        job.write(
            jobs.FAIL,
            "job_failed",
            code=error.code,
            message=error.message,
            retryable=error.retryable,
            blames_prompt=error.prompt_refused,
        )

    def _give_back(
        self, job: Job, delay_seconds: float, code: str | None, *, failed: bool, forget_operation: bool = False
    ) -> None:
        job.write(
            jobs.RELEASE,
            "job_released" if code else None,
            delay_seconds=delay_seconds,
            code=code,
            failed=failed,
            forget_operation=forget_operation,
        )


def _backoff_seconds(job: Job) -> float:
    tries = max(job.attempts, job.submissions - 1)
    return float(min(_LONGEST_BACKOFF_SECONDS, _FIRST_BACKOFF_SECONDS * 2**tries))
