"""What a measurement says of its service's use beside cpu and memory, as facts with labels."""

from __future__ import annotations

from runs import formatting

#: Waiting below this share of the time says nothing.
PRESSURE_WORTH_SAYING = 0.01


def usage_facts(data: dict) -> list[tuple[str, str]]:
    """Label and value of what is known; a measurement of an earlier version knows less."""
    facts = [
        ("CPU time", _cpu_split(data)),
        ("CPU pressure", _pressure(data, "cpu")),
        ("Memory pressure", _pressure(data, "memory")),
        ("I/O pressure", _pressure(data, "io")),
        ("Peak, starting", _peak(data, "startup")),
        ("Peak, warming up", _peak(data, "warmup")),
        ("Peak, under load", _peak(data, "steady")),
        ("Peak unseen by samples", _unseen(data)),
        ("Swapped, most", formatting.file_size(data.get("swap_peak_bytes") or None)),
        ("Memory limit hit", _times(data.get("memory_limit_hits"))),
        ("Page faults", _faults(data)),
        ("Disk", _bytes(data, "block_read_bytes", "read", "block_written_bytes", "written")),
        ("Network", _bytes(data, "network_received_bytes", "in", "network_sent_bytes", "out")),
        ("Processes, threads", _most(data)),
        ("Sampled", _sampler(data.get("sampler") or {})),
    ]
    return [(label, value) for label, value in facts if value not in ("", formatting.UNKNOWN)]


def cpu_pressure(data: dict) -> float | None:
    """The share of the time in which something was ready to run and had to wait, if worth it."""
    share = data.get("cpu_pressure_some_fraction")
    return share if share is not None and share >= PRESSURE_WORTH_SAYING else None


def _cpu_split(data: dict) -> str:
    user = data.get("cpu_user_seconds_per_request")
    system = data.get("cpu_system_seconds_per_request")
    if user is None or not user + system:
        return ""
    share = user / (user + system)
    return f"{formatting.percent(share)} user, {formatting.percent(1 - share)} system"


def _pressure(data: dict, resource: str) -> str:
    some = data.get(f"{resource}_pressure_some_fraction")
    full = data.get(f"{resource}_pressure_full_fraction")
    if some is None:
        return ""
    if not some:
        return "none"
    return f"some {formatting.percent(some)}, full {formatting.percent(full)}"


def _peak(data: dict, period: str) -> str:
    in_use = data.get(f"memory_{period}_peak_bytes")
    kernel = data.get(f"memory_{period}_kernel_peak_bytes")
    if in_use is None:
        return ""
    text = formatting.memory(in_use)
    if kernel is None:
        return text
    is_of_period = period != "steady" or data.get("memory_peak_is_exact")
    return f"{text}, with cache {'' if is_of_period else '≤ '}{formatting.memory(kernel)}"


def _unseen(data: dict) -> str:
    error = data.get("memory_sampling_error_bytes")
    if error is None:
        return ""
    sure = "at most" if data.get("memory_peak_is_exact") else "about"
    return f"{sure} {formatting.file_size(error)}"


def _times(count: int | None) -> str:
    return f"{count:,} times" if count else ""


def _faults(data: dict) -> str:
    minor, major = data.get("page_faults_minor"), data.get("page_faults_major")
    return "" if minor is None else f"{minor:,} minor, {major:,} major"


def _bytes(data: dict, first: str, first_word: str, second: str, second_word: str) -> str:
    if data.get(first) is None:
        return ""
    size = formatting.file_size
    return f"{size(data[first])} {first_word}, {size(data[second])} {second_word}"


def _most(data: dict) -> str:
    processes, threads = data.get("processes_max"), data.get("threads_max")
    if processes is None:
        return ""
    return f"{processes:,}, {threads:,}" if threads is not None else f"{processes:,}"


def _sampler(sampler: dict) -> str:
    if sampler.get("cpu_fraction") is None:
        return ""
    interval_s = sampler["interval_s"]
    pace = f", every {formatting.duration(interval_s)}" if interval_s else ""
    return (
        f"{sampler['samples']:,} times{pace}, longest gap "
        f"{formatting.duration(sampler['largest_gap_s'])}; "
        f"took {formatting.percent(sampler['cpu_fraction'])} of a core"
    )
