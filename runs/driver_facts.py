"""How well the load was sent and what was found in its answers, in a few words."""

from __future__ import annotations

from runs import formatting
from runs.models import Measurement


def driver_facts(row: Measurement) -> list[tuple[str, str]]:
    """Label and words; what a measurement of an earlier version lacks is left out."""
    driver, answers = row.data["driver"], row.data.get("answers") or {}
    facts = [
        ("Driver late, p99", _late(driver)),
        ("Driver busy", _busy(driver)),
        ("Requests", _requests(driver, row.data)),
        ("Answers", _answers(answers)),
    ]
    return [(label, words) for label, words in facts if words]


def _late(driver: dict) -> str:
    if driver.get("late_p99_ms") is None:
        return ""
    words = formatting.latency(driver["late_p99_ms"])
    if driver.get("late_p999_ms") is not None:
        words += f", p99.9 {formatting.latency(driver['late_p999_ms'])}"
    return words


def _busy(driver: dict) -> str:
    if driver.get("busy_fraction") is None:
        return ""
    words = formatting.percent(driver["busy_fraction"])
    if driver.get("cpu_seconds") is not None:
        words += f", {driver['cpu_seconds']:.2f} s of CPU"
    return words


def _requests(driver: dict, data: dict) -> str:
    if driver.get("sent") is None:
        return ""
    parts = {
        "sent": driver["sent"],
        "waited for a connection": driver["queued"],
        "never got one": driver.get("dropped"),
        "cut off at the end": data["aborted"],
    }
    return ", ".join(
        f"{formatting.count(number)} {what}"
        for what, number in parts.items()
        if number or what == "sent"
    )


def _answers(answers: dict) -> str:
    if answers.get("checked") is not None:
        words = f"{formatting.count(answers['checked'])} checked, {_wrong(answers)}"
        left = answers["not_compared"]
        return f"{words}, {formatting.count(left)} not compared" if left else words
    if not answers.get("looked_at"):
        return ""
    count = answers["suspicious"]
    found = f"{formatting.count(count)} look like errors" if count else "none looks like an error"
    return f"{formatting.count(answers['looked_at'])} looked at, {found}"


def _wrong(answers: dict) -> str:
    if not answers["wrong"]:
        return "none wrong"
    share = formatting.percent(answers["wrong_fraction"])
    return f"{formatting.count(answers['wrong'])} wrong ({share})"
