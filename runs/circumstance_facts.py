"""What a run was measured on, as facts of its page."""

from __future__ import annotations

from runs import formatting

#: Circumstances that are shown with a label, in this order; the rest is in the raw record.
CIRCUMSTANCES = {
    "host": "Host",
    "cpu_model": "CPU",
    "cores": "Cores",
    "service_cores": "Service's cores",
    "driver_cores": "Driver's cores",
    "memory_bytes": "Memory",
    "os": "System",
    "kernel": "Kernel",
    "cgroup_version": "cgroup",
    "docker_version": "Docker",
    "image": "Image",
    "image_id": "Image id",
    "environment": "Environment",
    "gpus": "GPUs",
    "nvidia_driver": "NVIDIA driver",
    "python": "Python",
    "limits_enforced": "Limits enforced",
    "egress": "Network outside",
    "files_dropped": "Files dropped before starts",
    "load_before": "Load before",
    "engine_version": "Engine",
}
#: What is told of a noise floor.
FLOORS = {
    "p50": "latency_p50_ms",
    "p95": "latency_p95_ms",
    "p99": "latency_p99_ms",
    "CPU": "cpu_seconds_per_request",
}
#: As much of a hash as tells it from others.
HASH_CHARACTERS = 19


def circumstance_facts(circumstances: dict) -> list[tuple[str, str]]:
    told = [
        (label, _written(name, circumstances[name]))
        for name, label in CIRCUMSTANCES.items()
        if circumstances.get(name) not in (None, "", [], {})
    ]
    floor = _noise_floor(circumstances)
    return [*told, ("Noise floor", floor)] if floor else told


def _noise_floor(circumstances: dict) -> str:
    """By how much identical runs differ on the target, as validity took it; or why it could not."""
    floor = circumstances.get("noise_floor")
    if not floor:
        return circumstances.get("noise_floor_reason", "")
    shares = (
        f"{name} {formatting.percent(floor['metrics'][key])}"
        for name, key in FLOORS.items()
        if key in floor["metrics"]
    )
    return f"{', '.join(shares)} ({floor['runs']} runs, {floor['measured_at'][:10]})"


def _written(name: str, value: object) -> str:
    if name == "memory_bytes":
        return formatting.memory(value)
    if name == "gpus":
        return ", ".join(f"{gpu['name']} ({gpu['index']})" for gpu in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(
            f"{key} {item:.2f}" if isinstance(item, float) else f"{key} {item}"
            for key, item in value.items()
        )
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value)[:HASH_CHARACTERS] if name == "image_id" else str(value)
