"""A container's counters, read from cgroup files of version 1, version 2 and both together."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from profiler.services import cgroup
from profiler.services.cgroup_reader import CgroupReader

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


@pytest.fixture
def reader_of():
    readers = []

    def make(root: Path, pid: int | None = PID) -> CgroupReader:
        paths = cgroup.find(PID, root / "proc")
        assert paths is not None
        readers.append(CgroupReader(paths, pid, root / "proc"))
        return readers[-1]

    yield make
    for reader in readers:
        reader.close()


def folder(root: Path, controller: str = "") -> Path:
    """Of the container, in the hybrid tree (with a controller) or the unified one."""
    if controller:
        return root / "sys" / controller / "docker" / HYBRID_ID
    return root / "sys" / "system.slice" / f"docker-{UNIFIED_ID}.scope"


def test_version_1_counters_with_pressure_from_the_unified_mount(tree, reader_of):
    usage = reader_of(tree("hybrid")).read()

    assert usage.cpu_ns == 562_258_468
    assert (usage.periods, usage.throttled_periods) == (21, 18)
    assert usage.throttled_ns == 1_159_208_696
    assert (usage.burst_periods, usage.burst_ns) == (0, 0)
    assert usage.memory_current_bytes == 34_390_016
    assert usage.memory_working_set_bytes == 34_390_016 - 8_413_184
    assert usage.memory_anon_bytes == 24_469_504
    assert usage.memory_file_bytes == 9_007_104
    assert usage.memory_shmem_bytes == 0
    assert usage.memory_mapped_bytes == 331_776
    assert usage.memory_kernel_bytes == 704_512
    assert usage.memory_kernel_peak_bytes == 34_570_240
    assert usage.swap_bytes == 0
    assert (usage.page_faults_minor, usage.page_faults_major) == (9263, 6)
    assert (usage.oom_kills, usage.memory_limit_hits) == (0, 0)
    assert (usage.oom_events, usage.memory_high_hits) == (None, None)  # version 2 has them
    assert (usage.processes, usage.threads) == (1, 2)
    assert (usage.network_received_bytes, usage.network_sent_bytes) == (736, 0)
    assert (usage.cpu_pressure_some_ns, usage.cpu_pressure_full_ns) == (
        1_169_932_000,
        1_166_559_000,
    )
    assert (usage.memory_pressure_some_ns, usage.memory_pressure_full_ns) == (0, 0)
    assert (usage.io_pressure_some_ns, usage.io_pressure_full_ns) == (8_890_000, 8_831_000)


def test_version_1_splits_cpu_time_as_its_ticks_were_and_keeps_the_sum(tree, reader_of):
    """The kernel's ticks say 95.9 and 484.0 ms, its exact total 562.3 ms."""
    usage = reader_of(tree("hybrid")).read()

    assert usage.cpu_user_ns + usage.cpu_system_ns == usage.cpu_ns
    assert usage.cpu_user_ns == pytest.approx(92_953_000, rel=1e-4)  # what version 2 says of it


def test_version_1_block_bytes_where_the_kernel_counts_them_by_device(tree, reader_of):
    root = tree("hybrid")
    (folder(root, "blkio") / "blkio.throttle.io_service_bytes_recursive").write_text(
        "8:0 Read 4096\n8:0 Write 512\n8:0 Sync 4608\n8:0 Async 0\n8:0 Discard 0\n"
        "8:0 Total 4608\n8:16 Read 100\n8:16 Write 0\n8:16 Total 100\nTotal 4708\n"
    )

    usage = reader_of(root).read()

    assert (usage.block_read_bytes, usage.block_written_bytes) == (4196, 512)


def test_block_bytes_are_its_processes_where_no_device_is_listed(tree, reader_of):
    root = tree("hybrid")
    reader = reader_of(root)

    before = reader.read(complete=True)
    (folder(root, "pids") / "cgroup.procs").write_text("4242\n4243\n")
    shutil.copytree(root / "proc" / "4242", root / "proc" / "4243")
    both = reader.read(complete=True)
    shutil.rmtree(root / "proc" / "4243")
    after = reader.read(complete=True)

    assert (before.block_read_bytes, before.block_written_bytes) == (651_264, 8_409_088)
    assert both.block_read_bytes == 2 * 651_264
    assert after.block_read_bytes == 2 * 651_264  # not reaped yet: what was counted stays


def test_block_bytes_and_network_are_unknown_where_process_ids_are_not_ours(tree, reader_of):
    root = tree("hybrid")
    (folder(root, "pids") / "cgroup.procs").write_text("0\n0\n0\n")

    usage = reader_of(root, pid=None).read()

    assert usage.block_read_bytes is None
    assert usage.network_received_bytes is None
    assert usage.processes == 3


def test_version_2_counters(tree, reader_of):
    reader = reader_of(tree("unified"))

    usage = reader.read()

    assert reader.version == 2
    assert usage.cpu_ns == 5_250_000_000
    assert (usage.cpu_user_ns, usage.cpu_system_ns) == (4_000_000_000, 1_250_000_000)
    assert (usage.periods, usage.throttled_periods) == (120, 30)
    assert usage.throttled_ns == 1_500_000_000
    assert (usage.burst_periods, usage.burst_ns) == (0, 0)
    assert usage.memory_working_set_bytes == 80 << 20
    assert usage.memory_anon_bytes == 60 << 20
    assert usage.memory_file_bytes == 32 << 20
    assert usage.memory_shmem_bytes == 8 << 20
    assert usage.memory_mapped_bytes == 4 << 20
    assert usage.memory_kernel_bytes == 1 << 20
    assert usage.memory_kernel_peak_bytes == 150 << 20
    assert usage.swap_bytes == 2 << 20
    assert (usage.page_faults_minor, usage.page_faults_major) == (4960, 40)
    assert (usage.oom_kills, usage.oom_events) == (1, 2)
    assert (usage.memory_limit_hits, usage.memory_high_hits) == (7, 0)
    assert (usage.block_read_bytes, usage.block_written_bytes) == (9192, 4596)
    assert (usage.network_received_bytes, usage.network_sent_bytes) == (300_050, 500_070)
    assert (usage.processes, usage.threads) == (3, 9)
    assert usage.memory_pressure_some_ns == 2_500_000
    assert usage.io_pressure_full_ns == 70_000


def test_what_changes_slowly_is_read_at_its_own_pace_or_when_all_is_asked_for(tree, reader_of):
    root = tree("unified")
    reader = reader_of(root)
    reader.read()
    (folder(root) / "io.stat").write_text("8:16 rbytes=20000 wbytes=0\n")
    (folder(root) / "memory.events").write_text("max 8\noom 2\noom_kill 3\n")

    at_once, complete = reader.read(), reader.read(complete=True)

    assert at_once.oom_kills == 3  # a kill has to be known at once
    assert (at_once.block_read_bytes, complete.block_read_bytes) == (9192, 20_000)


def test_a_sample_knows_of_a_kill_within_a_cfs_period(tree, reader_of):
    root = tree("hybrid")
    reader = reader_of(root)
    reader.read()
    (folder(root, "memory") / "memory.oom_control").write_text("oom_kill_disable 0\noom_kill 3\n")

    time.sleep(0.12)

    assert reader.capture()().oom_kills == 3


def test_what_was_captured_can_be_made_out_after_the_cgroup_has_gone(tree, reader_of):
    root = tree("hybrid")
    reader = reader_of(root)
    first = reader.capture(complete=True)
    (folder(root, "cpuacct") / "cpuacct.usage").write_text("300000000\n")
    second = reader.capture()
    reader.close()
    shutil.rmtree(root)

    assert first() == first()
    assert second().cpu_ns == 300_000_000
    assert second().at_ns > first().at_ns
    assert second()._replace(at_ns=0, cpu_ns=0) == first()._replace(at_ns=0, cpu_ns=0)


def test_a_later_reading_sees_what_the_kernel_has_counted_since(tree, reader_of):
    root = tree("hybrid")
    reader = reader_of(root)
    reader.read()

    usage_file = folder(root, "cpuacct") / "cpuacct.usage"
    usage_file.write_text("300000000\n")

    assert reader.read().cpu_ns == 300_000_000


def test_a_kernel_without_a_peak_counter_leaves_it_unknown(tree, reader_of):
    root = tree("unified")
    (folder(root) / "memory.peak").unlink()

    usage = reader_of(root).read()

    assert usage.memory_kernel_peak_bytes is None
    assert usage.memory_current_bytes == 100 << 20


def test_a_kernel_without_pressure_accounting_leaves_it_unknown(tree, reader_of):
    root = tree("unified")
    for name in ("cpu", "memory", "io"):
        (folder(root) / f"{name}.pressure").unlink()

    assert reader_of(root).read().cpu_pressure_some_ns is None


def test_a_cgroup_that_is_gone_reads_as_none(tree, reader_of):
    root = tree("hybrid")
    reader = reader_of(root)

    shutil.rmtree(root / "sys")

    assert reader.read() is None


@pytest.mark.parametrize(
    ("name", "peak"), [("hybrid", "memory/docker/*/memory.max_usage_in_bytes"),
                       ("unified", "system.slice/*/memory.peak")],
)  # fmt: skip
def test_the_kernels_peak_is_reset_by_writing_to_it(tree, reader_of, name, peak):
    root = tree(name)
    file = next((root / "sys").glob(peak))
    file.write_text("9")
    reader = reader_of(root)

    assert reader.reset_memory_peak()

    assert file.read_text() == "0"
    assert reader.read().memory_kernel_peak_bytes == 0


def test_a_peak_that_cannot_be_reset_is_said(tree, reader_of):
    root = tree("unified")
    (folder(root) / "memory.peak").unlink()

    assert not reader_of(root).reset_memory_peak()


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


def remount(root: Path, *without: str) -> None:
    """The mounts less those whose line ends with one of these."""
    mountinfo = root / "proc/self/mountinfo"
    lines = mountinfo.read_text().splitlines(keepends=True)
    mountinfo.write_text("".join(line for line in lines if not line.rstrip().endswith(without)))


def test_version_1_alone_is_read_but_for_its_pressure(tree, reader_of):
    root = tree("hybrid")
    remount(root, "cgroup2 rw")

    usage = reader_of(root).read(complete=True)

    assert usage.cpu_ns == 562_258_468
    assert usage.memory_current_bytes == 34_390_016
    assert (usage.throttled_periods, usage.threads) == (18, 2)
    assert usage.cpu_pressure_some_ns is None


@pytest.mark.parametrize("moved", ["rw,memory", "rw,cpu", "rw,cpuacct"])
def test_cpu_and_memory_of_different_versions_are_not_taken_for_one(tree, moved):
    """As with cgroup_no_v1= on the kernel's command line."""
    root = tree("hybrid")
    remount(root, moved)
    for name in ("memory.current", "memory.stat", "cpu.stat"):
        (folder(root, "unified") / name).write_text("")

    assert cgroup.find(PID, root / "proc") is None


def test_nothing_is_found_for_a_process_that_does_not_exist(tree):
    assert cgroup.find(1, tree("hybrid") / "proc") is None
    assert cgroup.find_by_id("0" * 64, tree("unified") / "proc") is None
