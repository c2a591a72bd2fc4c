"""A tree of processes against what its processes know of themselves."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

from profiler.services.process_usage import ProcessTreeReader
from profiler.units import MIB

SCRIPT = """
    import json, mmap, os, resource, sys, time

    def tell(**what):
        print(json.dumps(what), flush=True)
        sys.stdin.readline()

    def own_cpu():
        both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in both)

    model = mmap.mmap(-1, 64 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for page in range(0, len(model), mmap.PAGESIZE):
        model[page] = 1
    before = own_cpu()
    tell()
    children = []
    burnt, write = os.pipe()
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            while time.process_time() < 0.2:
                sum(range(10_000))
            os.write(write, b"x")
            time.sleep(60)
        children.append(pid)
    for _ in children:
        os.read(burnt, 1)
    tell()
    for pid in children:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    tell(cpu_s=own_cpu() - before)
"""


@pytest.fixture
def process():
    command = [sys.executable, "-c", textwrap.dedent(SCRIPT)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_a_tree_agrees_with_its_processes_clocks_and_counts_shared_pages_once(process) -> None:
    """64 MiB that two forks share with their parent are 64 MiB, not 192."""
    reader = ProcessTreeReader(process.pid)
    json.loads(process.stdout.readline())
    alone = reader.read(complete=True)
    process.stdin.write("\n")
    process.stdin.flush()
    process.stdout.readline()
    forked = reader.read(complete=True)
    process.stdin.write("\n")
    process.stdin.flush()
    cpu_s = json.loads(process.stdout.readline())["cpu_s"]
    reaped = reader.read()

    assert alone.memory_working_set_bytes > 64 * MIB
    assert forked.memory_current_bytes > 192 * MIB
    assert forked.memory_working_set_bytes < alone.memory_working_set_bytes + 32 * MIB
    assert reaped.memory_working_set_bytes > 64 * MIB
    assert (alone.processes, forked.processes, reaped.processes) == (1, 3, 1)
    assert cpu_s > 0.35
    # Those of ended children come in ticks of 10 ms.
    assert (reaped.cpu_ns - alone.cpu_ns) / 1e9 == pytest.approx(cpu_s, abs=0.03)
    assert forked.cpu_ns >= alone.cpu_ns + 350_000_000
    assert reaped.page_faults_minor > alone.page_faults_minor


def test_a_tree_that_has_ended_reads_as_none(process) -> None:
    reader = ProcessTreeReader(process.pid)
    process.stdout.readline()
    assert reader.read() is not None

    process.kill()
    process.wait()

    assert reader.read() is None
