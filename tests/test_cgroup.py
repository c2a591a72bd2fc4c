"""A container's counters, read from cgroup files of version 1, version 2 and both together."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from profiler.services import cgroup

TREES = Path(__file__).parent / "cgroup_trees"
HYBRID_ID = "0123456789abcdef" * 4
UNIFIED_ID = "fedcba9876543210" * 4
PID = 4242


@pytest.fixture
def tree(tmp_path):
    def place(name: str) -> Path:
        root = Path(shutil.copytree(TREES / name, tmp_path / name))
        mountinfo = root / "proc" / "self" / "mountinfo"
        mountinfo.write_text(mountinfo.read_text().replace("@ROOT@", str(root)))
        return root

    return place


def reader_of(root: Path) -> cgroup.CgroupReader:
    paths = cgroup.find(PID, root / "proc")
    assert paths is not None
    return cgroup.CgroupReader(paths)


def test_version_1_counters_with_pressure_from_the_unified_mount(tree):
    reader = reader_of(tree("hybrid"))

    usage = reader.read()

    assert usage.cpu_ns == 269_247_911
    assert (usage.periods, usage.throttled_periods) == (16, 12)
    assert usage.throttled_ns == 878_849_243
    assert usage.memory_current_bytes == 32_964_608
    assert usage.memory_working_set_bytes == 32_964_608 - 8_318_976
    assert usage.memory_anon_bytes == 23_674_880
    assert usage.memory_file_bytes == 8_404_992
    assert usage.memory_shmem_bytes == 0
    assert usage.memory_kernel_peak_bytes == 33_079_296
    assert usage.oom_kills == 0
    assert usage.threads == 1
    assert reader.pressure() == {
        "cpu_some_ns": 913_668_000,
        "cpu_full_ns": 911_613_000,
        "memory_some_ns": 0,
        "memory_full_ns": 0,
    }


def test_version_2_counters(tree):
    reader = reader_of(tree("unified"))

    usage = reader.read()

    assert reader.version == 2
    assert usage.cpu_ns == 5_250_000_000
    assert (usage.periods, usage.throttled_periods) == (120, 30)
    assert usage.throttled_ns == 1_500_000_000
    assert usage.memory_working_set_bytes == 80 << 20
    assert usage.memory_anon_bytes == 60 << 20
    assert usage.memory_file_bytes == 32 << 20
    assert usage.memory_shmem_bytes == 8 << 20
    assert usage.memory_kernel_peak_bytes == 150 << 20
    assert usage.oom_kills == 1
    assert usage.threads == 9
    assert reader.pressure()["memory_some_ns"] == 2_500_000


def test_a_later_reading_sees_what_the_kernel_has_counted_since(tree):
    root = tree("hybrid")
    reader = reader_of(root)
    reader.read()

    usage_file = root / "sys" / "cpuacct" / "docker" / HYBRID_ID / "cpuacct.usage"
    usage_file.write_text("300000000\n")

    assert reader.read().cpu_ns == 300_000_000


def test_a_kernel_without_a_peak_counter_leaves_it_unknown(tree):
    root = tree("unified")
    (root / "sys/system.slice" / f"docker-{UNIFIED_ID}.scope" / "memory.peak").unlink()

    usage = reader_of(root).read()

    assert usage.memory_kernel_peak_bytes is None
    assert usage.memory_current_bytes == 100 << 20


def test_a_kernel_without_pressure_accounting_leaves_it_unknown(tree):
    root = tree("unified")
    for name in ("cpu.pressure", "memory.pressure"):
        (root / "sys/system.slice" / f"docker-{UNIFIED_ID}.scope" / name).unlink()

    assert reader_of(root).pressure() is None


def test_a_cgroup_that_is_gone_reads_as_none(tree):
    root = tree("hybrid")
    reader = reader_of(root)

    shutil.rmtree(root / "sys")

    assert reader.read() is None


def test_the_kernels_peak_can_be_reset(tree):
    root = tree("hybrid")

    assert reader_of(root).reset_memory_peak()

    peak = root / "sys/memory/docker" / HYBRID_ID / "memory.max_usage_in_bytes"
    assert peak.read_text() == "0"


@pytest.mark.parametrize(("name", "container"), [("hybrid", HYBRID_ID), ("unified", UNIFIED_ID)])
def test_a_container_is_found_by_its_id_where_its_process_id_is_not_ours(tree, name, container):
    root = tree(name)

    assert cgroup.find_by_id(container, root / "proc") == cgroup.find(PID, root / "proc")


def test_a_mount_that_shows_only_a_part_of_the_hierarchy_is_understood(tree):
    root = tree("unified")
    mountinfo = root / "proc/self/mountinfo"
    mountinfo.write_text(mountinfo.read_text().replace(" / ", " /system.slice ", 1))
    shown = root / "sys"
    (shown / "system.slice" / f"docker-{UNIFIED_ID}.scope").rename(
        shown / f"docker-{UNIFIED_ID}.scope"
    )

    assert cgroup.find(PID, root / "proc").controllers["cpu"].parent == shown


def test_nothing_is_found_for_a_process_that_does_not_exist(tree):
    assert cgroup.find(1, tree("hybrid") / "proc") is None
    assert cgroup.find_by_id("0" * 64, tree("unified") / "proc") is None
