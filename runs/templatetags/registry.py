"""What the pages of the registry show that no row holds as such."""

from __future__ import annotations

from django import template
from django.contrib.auth.models import AbstractBaseUser
from django.utils.html import format_html
from django.utils.safestring import SafeString

from runs import formatting
from runs.models import Target
from runs.tagged_sizes import asked_for
from runs.templatetags.presentation import icon

register = template.Library()


@register.simple_tag
def tagged_size(tags: dict[str, str]) -> dict | None:
    """The size that a model's tags name, formatted; None when they name no whole one."""
    cpu_millicores, memory_bytes = asked_for(tags)
    if cpu_millicores is None or memory_bytes is None:
        return None
    return {
        "cpu": formatting.cpu(cpu_millicores),
        "memory": formatting.memory(memory_bytes),
        "standing": tags.get("profile.standing", ""),
    }


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


@register.filter
def core_ranges(cores: list[int]) -> str:
    """0-2, 5 for 0, 1, 2, 5; with the number of them where that is not plain to see."""
    ranges: list[list[int]] = []
    for core in sorted(cores):
        if ranges and core == ranges[-1][1] + 1:
            ranges[-1][1] = core
        else:
            ranges.append([core, core])
    words = ", ".join(f"{low}" if low == high else f"{low}–{high}" for low, high in ranges)  # noqa: RUF001
    return f"{words} ({len(cores)})" if len(cores) > 1 else words


@register.simple_tag
def target_badge(target: Target) -> SafeString:
    """Whether a run sent there now would be taken up."""
    if not target.enabled:
        looks = ("", "ban", "Disabled")
    elif target.unavailable_reason:
        looks = ("badge-fail", "alert-circle", "Unavailable")
    elif not target.has_worker:
        looks = ("badge-warn", "alert-triangle", "No worker")
    else:
        looks = ("badge-pass", "circle-check", "Listening")
    tone, name, word = looks
    return format_html('<span class="badge {}">{}{}</span>', tone, icon(name), word)


@register.filter
def person(user: AbstractBaseUser | None) -> str:
    """The name a person goes by; an account that is gone, or none, is the system."""
    if user is None:
        return "the system"
    return user.get_full_name() or user.get_username()
