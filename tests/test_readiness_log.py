"""The exception that is told when a script fails to start, found in the service's log."""

from __future__ import annotations

from profiler.services.readiness import last_exception

BEGINNING = """\
2026-11-21 08:09:39,100 E [7] gunicorn.error - Exception in worker process
Traceback (most recent call last):
  File "/opt/app/score.py", line 1, in <module>
    import no_such_module
"""
EXCEPTION = "ModuleNotFoundError: No module named 'no_such_module'\n"
WRAPPED = """
Traceback (most recent call last):
  File "server.py", line 9, in <module>
azureml_inference_server_http.server.user_script.UserScriptImportException: look above
"""
SERVER_LINE = "2026-11-21 08:09:39,114 I [7] gunicorn.error - Worker exiting (pid: 7)\n"


def test_the_scripts_own_exception_is_told_and_not_the_servers_around_it() -> None:
    assert last_exception(BEGINNING + EXCEPTION + WRAPPED) == EXCEPTION.strip()


def test_a_line_of_the_server_within_the_traceback_is_not_taken_for_it() -> None:
    assert last_exception(BEGINNING + SERVER_LINE + EXCEPTION + WRAPPED) == EXCEPTION.strip()


def test_a_log_without_a_traceback_says_so() -> None:
    assert last_exception(SERVER_LINE) == "the log does not say why"
