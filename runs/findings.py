"""What a measurement has to tell, as its page shows it: sentence, advice, link to the rule."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from runs import documentation

INVALID, OUTCOME, WARNING = "invalid", "outcome", "warning"


@dataclass(frozen=True)
class Shown:
    """One finding; a measurement stored before findings had codes has neither advice nor url."""

    group: str
    text: str
    advice: str = ""
    url: str = ""


def findings_of(data: dict) -> list[Shown]:
    """Why it may not be believed, then why its outcome, then what to be warned of."""
    validity = data["validity"]
    return [
        *_group(INVALID, validity.get("findings"), validity["reasons"]),
        *_group(OUTCOME, data.get("outcome_findings"), data.get("outcome_reasons", ())),
        *_group(WARNING, data.get("warning_findings"), data["warnings"]),
    ]


def _group(group: str, findings: list[dict] | None, texts: list[str]) -> list[Shown]:
    if findings is None:
        return [Shown(group, text) for text in texts]
    return [
        Shown(group, finding["text"], finding["advice"], docs_url(finding["docs"]))
        for finding in findings
    ]


def docs_url(docs: str) -> str:
    """docs/validity.md#driver-late -> where the site shows that place."""
    path, _, anchor = docs.partition("#")
    return documentation.address(PurePath(path).stem, anchor)
