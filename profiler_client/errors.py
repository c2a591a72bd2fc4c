"""What can go wrong, in words for whoever asked."""

from __future__ import annotations

#: Exit statuses, as of the engine's own command.
SUCCEEDED, FAILED, INVALID, CANCELLED, TIMED_OUT = range(5)


class ProfilerClientError(Exception):
    """Anything that this package refuses or fails at; `hint` says what to do about it."""

    exit_status = FAILED

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


class Invalid(ProfilerClientError):
    """What was asked makes no sense; nothing was sent."""

    exit_status = INVALID


class NotReached(ProfilerClientError):
    """No answer that could be understood came from the server."""


class Refused(ProfilerClientError):
    """The server's own error: `{code, message, fields}` with the status it came with."""

    def __init__(self, status: int, code: str, message: str, fields: dict[str, list[str]]) -> None:
        super().__init__(message, HINTS.get(code, ""))
        self.status, self.code, self.fields = status, code, fields

    @property
    def exit_status(self) -> int:  # type: ignore[override]
        return INVALID if self.code in ("invalid", "parse_error") else FAILED


HOW_TO_GET_A_TOKEN = (
    "Give a token with --token or MODEL_PROFILER_TOKEN. `manage.py make_token USER --scope write` "
    "prints one, and an administrator can make one on the site."
)
HINTS = {
    "not_authenticated": HOW_TO_GET_A_TOKEN,
    "authentication_failed": HOW_TO_GET_A_TOKEN,
    "confirmation_needed": "Say that you know it: --confirmed, or confirmed=True.",
}
