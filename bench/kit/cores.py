"""The cores of this machine, as they were found at the start.

Asked for once, before a benchmark takes itself aside: a process sees only the cores it may use.
"""

from __future__ import annotations

import os

from profiler.circumstances import host_capacity

CAPACITY = host_capacity()
ALL_CORES = os.sched_getaffinity(0)
