"""What the sampler says of a real container, against what its own processes know of themselves."""

from __future__ import annotations

import json
import textwrap
import time
import uuid
from contextlib import contextmanager
from itertools import pairwise

import docker
import pytest

from profiler.measuring.consumption import counted_between, sampler_report
from profiler.measuring.memory_peaks import peak_of_period
from profiler.samples import Columns
from profiler.service import UsageReading
from profiler.services import cgroup, leftovers
from profiler.services.cgroup_reader import CgroupReader
from profiler.services.usage import UsageSampler
from profiler.spec import Environment
from profiler.units import MIB
from tests.service_kit import images

pytestmark = pytest.mark.docker

MARK = f"test-{uuid.uuid4().hex[:12]}"


class Container:
    """As much of a service as the sampler asks for: a script's container under its own cgroup."""

    sample_interval_s = 0.02

    def __init__(self, container) -> None:
        container.reload()
        self._container = container
        pid = container.attrs["State"]["Pid"]
        self._reader = CgroupReader(cgroup.find(pid), pid)
        self.read_usage, self.capture_usage = self._reader.read, self._reader.capture
        self.reset_memory_peak = self._reader.reset_memory_peak
        self.close = self._reader.close

    def tell(self, count: int) -> dict:
        """The script's JSON line number `count`, when it has come."""
        while len(lines := self._container.logs().splitlines()) <= count:
            time.sleep(0.01)
        return json.loads(lines[count])

    def go_on(self) -> None:
        self._container.kill("SIGUSR1")


@pytest.fixture
def run(tmp_path):
    client = docker.from_env()
    image = images(client).base_image(Environment())

    @contextmanager
    def started(script: str):
        """A container whose script waits for a signal at each `wait()`."""
        preamble = """
            import json, os, resource, signal, sys, time
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
            def wait(**told):
                print(json.dumps(told), flush=True)
                signal.sigwait([signal.SIGUSR1])
        """
        container = client.containers.run(
            image,
            ["python3", "-c", textwrap.dedent(preamble) + textwrap.dedent(script)],
            detach=True,
            labels={leftovers.INSTALLATION_LABEL: MARK},
            mem_limit="1g",
            volumes={str(tmp_path): {"bind": "/data", "mode": "rw"}},
        )
        try:
            service = Container(container)
            yield service
            service.close()
        finally:
            container.remove(force=True, v=True)

    yield started
    client.close()


BURNERS = """
    def own_cpu():
        both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in both)

    def burn(seconds):
        while time.process_time() < seconds:
            sum(range(20_000))

    def child(seconds, grandchild=0):
        pid = os.fork()
        if pid == 0:
            inner = child(grandchild) if grandchild else None
            burn(seconds)
            if inner:
                os.waitpid(inner, 0)
            os._exit(0)
        return pid

    before = own_cpu()
    wait(cpu_s=before)
    children = [child(0.3), child(0.2, grandchild=0.2), child(0.05)]
    burn(0.25)
    for pid in children:
        os.waitpid(pid, 0)
    wait(cpu_s=own_cpu() - before)
"""


def test_cpu_seconds_agree_with_the_clocks_of_all_its_processes(run) -> None:
    """A parent, three children and a grandchild: their own clocks, summed as each is reaped."""
    with run(BURNERS) as container:
        container.tell(0)
        before = container.read_usage(complete=True)
        container.go_on()
        own_s = container.tell(1)["cpu_s"]
        after = container.read_usage(complete=True)

    counted_s = (after.cpu_ns - before.cpu_ns) / 1e9
    assert own_s > 0.9
    assert counted_s == pytest.approx(own_s, rel=0.01)
    split_ns = after.cpu_user_ns + after.cpu_system_ns - before.cpu_user_ns - before.cpu_system_ns
    assert split_ns == pytest.approx(counted_s * 1e9, rel=0.02)


MEMORY = """
    import mmap

    def held(mib):
        memory = mmap.mmap(-1, mib << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        for page in range(0, len(memory), mmap.PAGESIZE):
            memory[page] = 1
        return memory

    with open("/data/cache", "wb") as file:
        for _ in range(500):
            file.write(bytes(1 << 20))
        os.fsync(file.fileno())
    wait()
    spike = held(200)
    time.sleep(0.05)
    spike.close()
    wait()
    ramp = []
    for _ in range(20):
        ramp.append(held(5))
        time.sleep(0.01)
    wait()
"""
#: Charges are made in batches for each processor, and page tables count.
SLACK = 2 * MIB
#: The host may take of the cache at any time, and the kernel counts that in two steps: samples of
#: meanwhile say nothing.
TRIES = 8


def test_a_short_spike_and_a_ramp_beside_a_large_file_cache(run) -> None:
    """The kernel's peak misses nothing but counts the cache; the working set counts none of it.

    Whatever the samples missed, the truth lies between the sampled peak and its bound.
    """
    level, interval_s, ends, usage = _with_cache_untouched(run)
    assert level.memory_file_bytes >= 400 * MIB
    assert level.memory_working_set_bytes < 100 * MIB
    spike, ramp = (_samples(usage, *period) for period in pairwise(ends))
    _assert_rose_by(spike, level.memory_working_set_bytes, 200 * MIB)
    _assert_rose_by(ramp, level.memory_working_set_bytes, 100 * MIB)
    assert peak_of_period(ramp).working_set >= level.memory_working_set_bytes + 99 * MIB
    assert counted_between(spike, "page_faults_minor", ends[0], ends[1]) >= 200 * MIB / 4096
    told = sampler_report(spike, interval_s, ends[0], ends[1])
    assert 0 < told["cpu_fraction"] < 1
    assert told["largest_gap_s"] >= 0.02


def _with_cache_untouched(run) -> tuple[UsageReading, float, list[int], Columns]:
    """The level, the sampler's interval, the ends of spike and ramp, and the samples of both."""
    for _ in range(TRIES):
        with run(MEMORY) as container:
            container.tell(0)
            level = container.read_usage(complete=True)
            with UsageSampler(container) as sampler:
                ends = [sampler.begin_period()]
                for step in (1, 2):
                    container.go_on()
                    container.tell(step)
                    ends.append(sampler.begin_period())
                usage = sampler.all()
        files = [level.memory_file_bytes, *usage["memory_file_bytes"]]
        if max(files) - min(files) < MIB / 2:
            return level, container.sample_interval_s, ends, usage
    raise AssertionError(f"the host took of the cache in each of {TRIES} tries")


def _samples(usage: Columns, start_ns: int, end_ns: int) -> Columns:
    kept = (usage["at_ns"] >= start_ns) & (usage["at_ns"] <= end_ns)
    return {name: values[kept] for name, values in usage.items()}


def _assert_rose_by(usage: Columns, working_set: int, rise: int) -> None:
    """`usage` begins with the level."""
    peak = peak_of_period(usage)
    expected = int(usage["memory_current_bytes"][0]) + rise
    assert peak.is_exact
    assert expected - SLACK <= peak.kernel <= expected + SLACK
    assert peak.working_set <= working_set + rise + SLACK
    assert peak.at_most >= working_set + rise - SLACK
    assert peak.at_most <= working_set + rise + 2 * SLACK
