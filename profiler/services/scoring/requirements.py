"""Why packages could not be installed, in a sentence that names the requirement."""

from __future__ import annotations

import re

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from profiler.services.scoring.layout import SERVER_REQUIREMENT

#: What a certificate that is not trusted looks like in the words of uv and of pip.
UNTRUSTED = ("invalid peer certificate", "CERTIFICATE_VERIFY_FAILED", "UnknownIssuer")
UNREACHABLE = (
    "dns error",
    "Could not connect",
    "tcp connect error",
    "Failed to fetch",
    "timed out",
)

WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def explain(output: str, requirements: tuple[str, ...]) -> str:
    """One paragraph for the output of a failed `uv pip install` of these requirements."""
    reason = reason_of(output)
    if any(sign in output for sign in UNTRUSTED):
        return (
            f"The package index's certificate is not trusted: {reason} "
            "Set PROFILER_CA_BUNDLE to a file with the certificates of this network."
        )
    culprit = culprit_of(reason, requirements)
    if culprit is None and any(sign in output for sign in UNREACHABLE):
        return f"The package index could not be reached: {reason}"
    named = (
        f"Requirement {culprit!r} cannot be installed" if culprit else "Packages failed to install"
    )
    return f"{named}: {reason}"


def reason_of(output: str) -> str:
    """uv's own explanation: its last `error:` and the causes below it, as one line."""
    lines = [line.strip() for line in output.strip().splitlines()]
    starts = [index for index, line in enumerate(lines) if line.startswith("error:")]
    told = lines[starts[-1] :] if starts else lines[-5:]
    cleaned = [re.sub(r"^(error|cause):\s*", "", line) for line in told if line]
    sentence = " ".join(line if line.endswith((".", ":")) else f"{line}." for line in cleaned)
    return sentence[:1500] or "it said nothing."


def culprit_of(reason: str, requirements: tuple[str, ...]) -> str | None:
    """The user's requirement that the explanation is about: the one whose name it mentions first.

    The server's own requirement is in every explanation of a conflict and is never the answer.
    """
    named = {}
    for text in requirements:
        name = name_of(text)
        if name and name != name_of(SERVER_REQUIREMENT):
            named.setdefault(name, text)
    required = re.findall(r"you require ([^\s,]+)", reason)
    words = [*required, *WORD.findall(reason)]
    for word in words:
        name = canonicalize_name(re.split(r"[=<>!~\[;@]", word)[0].strip("`'\"."))
        if name in named:
            return named[name]
    return None


def name_of(requirement: str) -> str | None:
    """The package that a requirement line asks for; None for options, paths and addresses."""
    try:
        return canonicalize_name(Requirement(requirement.split(" #")[0].strip()).name)
    except InvalidRequirement:
        return None
