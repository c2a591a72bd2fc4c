"""How gunicorn serves the scoring app; it runs inside the service, on the service's own packages.

The values are those of azureml-inference-server-http's own start command (its amlserver_linux.py),
except that nothing is written for each request: those lines cost the host CPU while it measures,
and would push the script's own output out of the log.
"""

import logging
import os
import signal

bind = f"{os.environ.get('MODEL_PROFILER_BIND', '0.0.0.0')}:{os.environ['SERVER_PORT']}"
workers = int(os.environ.get("WORKER_COUNT", "1"))
timeout = int(os.environ.get("WORKER_TIMEOUT", "300"))
preload_app = os.environ.get("WORKER_PRELOAD", "false").lower() == "true"
accesslog = None
control_socket_disable = True


def _is_not_a_request_line(record: logging.LogRecord) -> bool:
    """False for the server's own `POST /score 200 1.234ms 10`."""
    return not (record.module == "routes" and record.funcName == "_after_request")


def on_starting(server) -> None:
    logging.getLogger("azmlinfsrv").addFilter(_is_not_a_request_line)


def post_fork(server, worker) -> None:
    """As a plain process, a worker dies with its master; a container ends as a whole anyway.

    By itself an idle worker looks only every 150 s whether its master lives.
    """
    if "MODEL_PROFILER_RUN" in os.environ:
        import ctypes

        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
