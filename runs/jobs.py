"""What a worker does: execute one attempt of a run, and close the run however that ends."""

from __future__ import annotations

import errno
import logging
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from rq.timeouts import JobTimeoutException

from profiler import errors
from profiler.errors import RunFailed
from runs import noise, queue, run_spec, spec_check
from runs.models import Measurement, ProfileRun
from runs.models.run_transitions import LostRun
from runs.recording import Recorder, measurement_fields
from runs.watch import Watch, interrupted

if TYPE_CHECKING:
    from redis import Redis
    from rq.job import Job

    from profiler.spec import Spec

logger = logging.getLogger(__name__)

OVERDUE = {
    "message": "The run did not end within its budget and was stopped. Give it more with "
    "budget.duration_s or budget.build_s.",
}
INTERRUPTED_MESSAGE = "Waiting again: the worker was stopped before the run was finished."


def execute(run_id: str, attempt: int) -> None:
    """Run one attempt; quietly nothing when the run is gone, closed, or another attempt's."""
    run = ProfileRun.objects.for_job().filter(uuid=run_id).first()
    token = run.begin(attempt) if run else None
    if token is None:
        return
    run.refresh_from_db(fields=["attempt", "state"])
    logger.info("%s: attempt %d begins", run.name, attempt)
    try:
        _execute(run, token)
    except LostRun:
        logger.warning("%s: lost by attempt %d; nothing more is written", run.name, attempt)
    except RunFailed as failure:
        run.fail(token, failure.code, spec_check.told(failure, run), failure.log_tail)
    except JobTimeoutException:
        run.time_out(token, OVERDUE["message"])
    except Exception as error:
        logger.exception("%s: attempt %d broke", run.name, attempt)
        run.fail(token, *_blame(error))
        raise
    logger.info("%s: attempt %d ended", run.name, attempt)


def _execute(run: ProfileRun, token: uuid.UUID) -> None:
    recorder = Recorder(run, token)
    watch = Watch(run, token, recorder.flush_if_due, limit_s=queue.time_limit_s(run))
    with work_folder(run) as folder, watch:
        try:
            result = _profile(run, folder, recorder, watch)
        finally:
            recorder.flush()
    if recorder.lost or watch.lost:
        raise LostRun(run.name)
    if result["state"] == ProfileRun.State.CANCELLED and not watch.cancel_requested:
        # Nobody asked for a cancel: it was stopped for another reason.
        if interrupted.is_set() and run.requeue(token, INTERRUPTED_MESSAGE):
            return
        if watch.overdue:
            result = {**result, "state": ProfileRun.State.TIMED_OUT, "error": OVERDUE}
    _close(run, token, result)


def _profile(run: ProfileRun, folder: Path, recorder: Recorder, watch: Watch) -> dict:
    """The engine's RESULT as plain data. Raises RunFailed for a spec it refuses."""
    # The engine is imported by the worker alone: the web process never loads docker.
    from profiler.run import profile

    run_spec.materialise(run, folder)
    return profile(
        spec_of(run, folder),
        run_id=str(run.uuid),
        attempt=run.attempt,
        work_dir=folder,
        on_event=recorder,
        should_stop=watch.should_stop,
        labels=labels(run),
        floors=noise.folder(),
    ).to_json()


def spec_of(run: ProfileRun, folder: Path) -> Spec:
    """The engine's spec of a run whose inputs are below `folder`. Raises RunFailed."""
    from profiler.spec_reader import Capacity, read_spec_data

    target = run.target
    capacity = Capacity(
        service_cores=tuple(target.service_cores),
        driver_cores=tuple(target.driver_cores),
        memory_bytes=target.max_memory_bytes,
        gpus=tuple(target.gpu_indices),
    )
    # Confined: whoever wrote the config does not own this machine.
    return read_spec_data(run.spec, folder, capacity=capacity, confined=True)


def labels(run: ProfileRun) -> dict[str, str]:
    """What marks a run's containers as its own."""
    return {
        "model-profiler.installation": settings.PROFILER_INSTALLATION,
        "model-profiler.run": str(run.uuid),
        "model-profiler.attempt": str(run.attempt),
    }


def _close(run: ProfileRun, token: uuid.UUID, result: dict) -> None:
    """Store what the engine found, with any measurement whose event never came."""
    known = set(run.measurements.values_list("ordinal", flat=True))
    with run.held(token):
        for position, data in enumerate(result["measurements"]):
            ordinal = data.get("ordinal", position)
            if ordinal not in known:
                Measurement.objects.create(**measurement_fields(run, ordinal, data))
        run.complete(token, result)


def _blame(error: Exception) -> tuple[str, str]:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return errors.DISK_FULL, (
            "The disk is full where the worker keeps its files "
            f"({settings.PROFILER_DATA_DIR}). Free some space and run again."
        )
    return errors.PROFILER_ERROR, (
        f"Something in Model Profiler broke, not in your service: {type(error).__name__}: {error}. "
        "The worker's log has the details."
    )


def work_root() -> Path:
    return settings.PROFILER_DATA_DIR / "work"


@contextmanager
def work_folder(run: ProfileRun) -> Iterator[Path]:
    """The attempt's own folder, gone when it ends."""
    folder = work_root() / run.attempt_name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# --- RQ's callbacks: for the ends that `execute` itself does not see


def attempt_of(job: Job) -> tuple[ProfileRun | None, int]:
    """The run and attempt a job was for; None when the run is gone."""
    run_id, attempt = job.args
    return ProfileRun.objects.for_job().filter(uuid=run_id).first(), attempt


def on_failure(job: Job, connection: Redis, kind: type, value: Exception, trace: object) -> None:
    """The job raised, or was found abandoned: close the run if `execute` could not."""
    run, attempt = attempt_of(job)
    if run is None:
        return
    if isinstance(value, JobTimeoutException):
        why = "The run was taken for hung and stopped."
    else:
        why = f"The worker's job broke: {kind.__name__}: {value}"
    run.close_abandoned(attempt, why, errors.PROFILER_ERROR)


def on_stopped(job: Job, connection: Redis) -> None:
    """The job was killed on request; called in the worker, after its work horse is dead."""
    run, attempt = attempt_of(job)
    if run is not None:
        run.close_abandoned(attempt, "The job was stopped by force.")
