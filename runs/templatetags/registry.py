"""What the pages of the registry show that no row holds as such."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from django import template

from runs import formatting

register = template.Library()

GIB = 1 << 30


@register.simple_tag
def tagged_size(tags: dict[str, str]) -> dict | None:
    """The size that a model's tags name, formatted; None when they name none that makes sense."""
    try:
        cores, memory_gib = Decimal(tags["requestedCpu"]), Decimal(tags["requestedMemoryInGb"])
        cpu, memory = formatting.cpu(float(cores * 1000)), formatting.memory(int(memory_gib * GIB))
    except (KeyError, InvalidOperation, ValueError, OverflowError):
        return None
    return {"cpu": cpu, "memory": memory, "standing": tags.get("profile.standing", "")}


@register.filter
def environment_words(definition: dict) -> str:
    """What a config's service is made from, in a few words."""
    if "image" in definition:
        return "a container of its own"
    environment = definition.get("environment", {})
    if "dockerfile" in environment:
        return "Dockerfile"
    if "conda" in environment:
        return "conda file"
    packages = environment.get("pip", [])
    if isinstance(packages, str):
        return packages
    return (
        f"{len(packages)} package{'' if len(packages) == 1 else 's'}" if packages else "no packages"
    )
