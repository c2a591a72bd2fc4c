"""The sizes that models' tags ask for now: one where they agree, several where they do not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from profiler.units import GIB
from runs.models import RegisteredModel

#: Tags give memory in GiB, rounded up to five decimals.
ROUNDED_UP_GIB = 1e-5
#: Anybody may write anything into a tag: a millicore or MiB, and a million cores or GiB.
LEAST, MOST = 1e-3, 1e6


@dataclass(frozen=True)
class TaggedSize:
    """What the tags of these models ask for; no memory where they name none."""

    models: tuple[str, ...]
    cpu_millicores: int
    memory_bytes: int | None


def tagged_sizes(models: Sequence[RegisteredModel]) -> list[TaggedSize]:
    """Each size that the tags of some of the models name, smallest first; none without a cpu."""
    found: dict[tuple[int, int | None], list[str]] = {}
    for model in models:
        size = asked_for(model.tags)
        if size[0] is not None:
            found.setdefault(size, []).append(model.ref)
    ordered = sorted(found.items(), key=lambda item: (item[0][0], item[0][1] or 0))
    return [TaggedSize(tuple(refs), *size) for size, refs in ordered]


def tagged(models: Sequence[RegisteredModel], key: str) -> float | None:
    """What all the models' tags ask for; None unless they agree on a number.

    Memory as it was meant, before a tag rounded it up.
    """
    said = {model.tags.get(key, "") for model in models}
    value = sensible_number(said.pop()) if len(said) == 1 else None
    return meant_gib(value) if value is not None and key.endswith("InGb") else value


def asked_for(tags: Mapping[str, str | None]) -> tuple[int | None, int | None]:
    """The cpu in millicores and the memory in bytes that tags name; None for what they do not."""
    cores = sensible_number(tags.get("requestedCpu"))
    gib = sensible_number(tags.get("requestedMemoryInGb"))
    return (
        None if cores is None else round(cores * 1000),
        None if gib is None else round(meant_gib(gib) * GIB),
    )


def gpus_asked_for(tags: Mapping[str, str | None]) -> int:
    """0 where they name none."""
    return round(sensible_number(tags.get("requestedGpu")) or 0)


def meant_gib(gib: float) -> float:
    """What was rounded up to a tag's five decimals: the whole MiB, where one is so close below."""
    whole_mib = math.floor(gib * 1024)
    return whole_mib / 1024 if gib - whole_mib / 1024 < ROUNDED_UP_GIB else gib


def sensible_number(text: str | None) -> float | None:
    """A tag as a number of cores, GiB or GPUs that there may be; None where it is none."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if LEAST <= value <= MOST else None
