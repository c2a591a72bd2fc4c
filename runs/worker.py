"""The worker of one target: RQ's, which also closes a run whose work horse was killed."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING

from django.db import DatabaseError, connections
from django_rq import get_connection
from rq import Worker
from rq.serializers import JSONSerializer

from runs import jobs, leftovers, noise, queue
from runs.models import Target, WorkerHeartbeat
from runs.parent_death import die_with_parent
from runs.watch import interrupted

if TYPE_CHECKING:
    from rq import Queue
    from rq.job import Job

    from runs.models import ProfileRun

logger = logging.getLogger(__name__)

HEARTBEAT_INTERVAL_S = 5
#: How long a run may take to stop when its worker is told to; after that it is killed.
SHUTDOWN_PATIENCE_S = 2.5


class ProfilingWorker(Worker):
    """Executes one run at a time, each in a forked work horse.

    Told to shut down, it asks the horse to stop and put its run back on the queue; a horse that
    does not is killed. A killed horse's run is closed here, since nothing in the horse could.
    """

    def __init__(self, target: Target, **options: object) -> None:
        self._target = target
        super().__init__(
            [queue.queue_of(target)],
            connection=get_connection("default"),
            serializer=JSONSerializer,
            # RQ waits for jobs worker_ttl - 15 s at a time; between two waits it beats.
            worker_ttl=HEARTBEAT_INTERVAL_S + 15,
            job_monitoring_interval=HEARTBEAT_INTERVAL_S,
            **options,
        )

    def heartbeat(self, *arguments: object, **options: object) -> None:
        super().heartbeat(*arguments, **options)
        if not self._is_horse:
            self._beat()

    def _beat(self) -> None:
        try:
            WorkerHeartbeat.objects.beat(
                self._target, socket.gethostname(), os.getpid(), WorkerHeartbeat.Kind.WORKER
            )
            noise.refresh(self._target)
        except DatabaseError as error:
            logger.warning("heartbeat not written (%s)", error)
            connections.close_all()

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        # A connection shared by two processes breaks; each opens its own when it needs one.
        connections.close_all()
        super().fork_work_horse(job, queue)

    def setup_work_horse_signals(self) -> None:
        super().setup_work_horse_signals()
        signal.signal(signal.SIGUSR1, lambda *_: interrupted.set())
        die_with_parent()

    def handle_warm_shutdown_request(self) -> None:
        super().handle_warm_shutdown_request()
        if self.horse_pid:
            os.kill(self.horse_pid, signal.SIGUSR1)
            patience = threading.Timer(SHUTDOWN_PATIENCE_S, self._kill_slow_horse)
            patience.daemon = True
            patience.start()

    def _kill_slow_horse(self) -> None:
        if self.horse_pid:
            self.kill_horse()

    def handle_work_horse_killed(self, job: Job, retpid: int, ret_val: int, rusage: object) -> None:
        """Called by RQ in this process; nothing in the horse ran, not even `finally`."""
        run, attempt = jobs.attempt_of(job)
        put_back = run and self._stop_requested and _put_back(run, attempt)
        if run and not put_back:
            run.close_abandoned(attempt, _how_it_died(ret_val))
        leftovers.remove_quietly()


def _put_back(run: ProfileRun, attempt: int) -> bool:
    if run.attempt != attempt or run.fencing_token is None:
        return False
    return run.requeue(run.fencing_token, jobs.INTERRUPTED_MESSAGE)


def _how_it_died(status: int) -> str:
    """A waitpid status as a sentence, with what most often is behind it."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name
        hint = (
            " If nobody did that by hand, the host ran out of memory: free some, or lower the "
            "target's largest size."
            if number == signal.SIGKILL
            else ""
        )
        return f"The worker's process was killed ({name}).{hint}"
    return f"The worker's process ended with status {os.waitstatus_to_exitcode(status)}."
