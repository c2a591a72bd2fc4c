"""What disturbs a service from outside: read from the kernel's files, and judged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from profiler import circumstances
from profiler.circumstances import HostNoise
from profiler.measuring.disturbance import changed_midway, host_noise, host_pressure
from profiler.measuring.summary import summarise
from tests.raw_samples import context, evenly, request_columns, rule_for, usage_columns

STAT = "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 {user} 0 0 {idle} 0 0 0 {steal} 0 0\n"


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch):
    """Writes the kernel's files: cpu0's ticks, pages swapped, pressure, cores online, governor."""
    monkeypatch.setattr(circumstances, "PROC_STAT", tmp_path / "stat")
    monkeypatch.setattr(circumstances, "PROC_VMSTAT", tmp_path / "vmstat")
    monkeypatch.setattr(circumstances, "PROC_PRESSURE_CPU", tmp_path / "pressure")
    monkeypatch.setattr(circumstances, "CPU_FOLDER", tmp_path)
    (tmp_path / "cpu0" / "cpufreq").mkdir(parents=True)

    def write(user=0, idle=0, steal=0, pages=0, waited_us=0, online="0-3", governor="performance"):
        (tmp_path / "stat").write_text(STAT.format(user=user, idle=idle, steal=steal))
        (tmp_path / "vmstat").write_text(f"nr_free 7\npswpin {pages}\npswpout {pages}\n")
        (tmp_path / "pressure").write_text(f"some avg10=1.0 avg60=1.0 total={waited_us}\n")
        (tmp_path / "online").write_text(f"{online}\n")
        (tmp_path / "cpu0" / "cpufreq" / "scaling_governor").write_text(f"{governor}\n")

    write()
    return write


def test_what_disturbed_is_read_from_the_kernel_s_counters(kernel) -> None:
    """A second of 100 ticks: 60 busy, of which the service used 0.4 s, and 10 stolen."""
    noise = HostNoise((0,))
    kernel(user=60, idle=30, steal=10, pages=200)
    found = noise.since(service_cpu_s=0.4)
    assert found["steal_fraction"] == pytest.approx(0.10)
    assert found["outside_busy_fraction"] == pytest.approx(0.20)
    assert found["swapped_bytes"] == 400 * os.sysconf("SC_PAGE_SIZE")
    assert found["changed"] == []
    assert {finding.code for finding in host_noise(found)} == {
        "host-steal", "host-busy", "host-swapping",
    }  # fmt: skip


def test_cores_and_governors_that_changed_are_named(kernel) -> None:
    noise = HostNoise((0,))
    kernel(online="0-2", governor="powersave")
    found = changed_midway(noise.since(0.0))
    assert "cores online went from 0-3 to 0-2" in found.text
    assert "scaling_governor of core 0 went from performance to powersave" in found.text


def test_a_kernel_without_these_files_leaves_them_unknown(kernel, monkeypatch, tmp_path) -> None:
    for name in ("PROC_VMSTAT", "PROC_PRESSURE_CPU"):
        monkeypatch.setattr(circumstances, name, tmp_path / "none")
    found = HostNoise((0,)).since(0.0)
    assert found["swapped_bytes"] is None and found["cpu_pressure_fraction"] is None
    assert host_noise(found) == ()


def test_this_host_can_be_read() -> None:
    found = HostNoise((0,)).since(0.0)
    assert found["changed"] == []
    assert host_noise(found) == () or found["outside_busy_fraction"] is not None


def test_pressure_counts_only_beyond_the_service_s_own() -> None:
    assert host_pressure({"cpu_pressure_fraction": 0.5}, 0.1).code == "host-pressure"
    assert host_pressure({"cpu_pressure_fraction": 0.5}, 0.4) is None
    assert host_pressure({"cpu_pressure_fraction": 0.5}, None) is None
    assert host_pressure({}, 0.0) is None


def test_a_measurement_in_which_the_host_changed_is_not_believed() -> None:
    about = context(4.0, noise={"changed": ["cores online went from 0-3 to 0-2"]})
    none = usage_columns([])
    found = summarise(
        request_columns(evenly(400), 10), none, none, about, rule=rule_for(about.bound)
    )
    assert [finding.code for finding in found.validity.findings] == ["changed-midway"]
