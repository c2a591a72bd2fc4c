"""The queue server: a pipe for ids. Everything in it can be lost and rebuilt."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import redis
from django_rq import get_connection
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Callback, Queue
from rq.command import send_stop_job_command
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

if TYPE_CHECKING:
    from runs.models import ProfileRun, Target

logger = logging.getLogger(__name__)

JOB = "runs.jobs.execute"
#: Added to a run's own budget before it is told to stop, for what the budget does not count.
MARGIN_S = 120
#: Added to that before RQ breaks into the job at whatever line it is, should it not obey.
OBEY_S = 60
DEFAULT_DURATION_S, DEFAULT_BUILD_S = 600.0, 900.0


def queue_of(target: Target) -> Queue:
    return Queue(target.queue, connection=get_connection("default"), serializer=JSONSerializer)


def impatient(queue: Queue) -> Queue:
    """The same queue, failing at once when its server is away: a person waits for the answer."""
    queue.connection.set_retry(Retry(NoBackoff(), 0))
    return queue


def time_limit_s(run: ProfileRun) -> float:
    """Seconds after which an attempt is told to stop: all that its budget allows, and a margin."""
    duration_s = run.budget.get("duration_s", DEFAULT_DURATION_S)
    build_s = run.budget.get("build_s", DEFAULT_BUILD_S)
    return duration_s + build_s + MARGIN_S


def enqueue(run: ProfileRun) -> bool:
    """Put the attempt's job on its target's queue; False when the queue server is not there.

    That is no error for the person who asked: the run waits in the database, and the sweeper puts
    it on the queue when the server is back.
    """
    try:
        impatient(queue_of(run.target)).enqueue_call(
            JOB,
            args=(str(run.uuid), run.attempt),
            job_id=run.job_id,
            timeout=int(time_limit_s(run)) + OBEY_S,
            result_ttl=3600,
            failure_ttl=7 * 86_400,
            description=f"{run.name}, attempt {run.attempt}",
            on_failure=Callback("runs.jobs.on_failure"),
            on_stopped=Callback("runs.jobs.on_stopped"),
        )
    except redis.RedisError as error:
        logger.warning("%s waits: the queue server cannot be reached (%s)", run.name, error)
        return False
    return True


def is_waiting(run: ProfileRun) -> bool:
    """Whether the attempt's job is on the queue, or with a worker that will take it up."""
    queue = impatient(queue_of(run.target))
    try:
        job = Job.fetch(run.job_id, connection=queue.connection, serializer=JSONSerializer)
    except NoSuchJobError:
        return False
    status = job.get_status()
    if status == JobStatus.QUEUED:
        return run.job_id in queue.get_job_ids()
    return status in (JobStatus.STARTED, JobStatus.SCHEDULED, JobStatus.DEFERRED)


def kill(run: ProfileRun) -> None:
    """Have the attempt's job killed where it runs; a job that is over already is no error."""
    connection = impatient(queue_of(run.target)).connection
    try:
        send_stop_job_command(connection, run.job_id, serializer=JSONSerializer)
    except (NoSuchJobError, InvalidJobOperation, redis.RedisError) as error:
        logger.warning("%s: its job could not be told to stop (%s)", run.name, error)
