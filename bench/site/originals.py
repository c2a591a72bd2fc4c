"""The runs that a full site's are copies of: 10,000 requests each, as a worker would leave them.

Latencies are drawn anew for each; measurements, advice and blobs are made by the site's own code.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from runs.models import ProfileRun
from tests.measured_runs import VERIFIED, failed_run, sized_run
from tests.rows import Rows

#: Sizes tried in a run, in the search's order; the last is the verification's.
TRIED = (1000, 500, 200, 300, 400)
PROBE_S, VERIFICATION_S = 15, 25
RATE_RPS = 100
#: Requests of a run: 5 probes of 15 s and a verification of 25 s.
REQUESTS = RATE_RPS * (len(TRIED) * PROBE_S + VERIFICATION_S)
#: From here on down half the requests take longer than the bound of 50 ms.
TOO_SMALL = 300


def originals(make: Rows, count: int, seed: int = 1) -> list[ProfileRun]:
    """`count` runs that found a size, and one each that failed and was declined."""
    rng = np.random.default_rng(seed)
    found = [sized_run(make, probes=probes(rng)) for _ in range(count)]
    return [*found, failed_run(make, "OutOfMemory", "Killed for memory at 128 MiB.", "Killed\n")]


def probes(rng: np.random.Generator) -> Sequence[dict]:
    tried = [
        {"phase": "sizing" if place else "measuring", "cpu_millicores": size, "seconds": PROBE_S,
         "latency_ms": latencies(rng, size, PROBE_S)}
        for place, size in enumerate(TRIED)
    ]  # fmt: skip
    verified = {**VERIFIED, "seconds": VERIFICATION_S}
    return [*tried, verified | {"latency_ms": latencies(rng, 400, VERIFICATION_S)}]


def latencies(rng: np.random.Generator, size: int, seconds: int) -> np.ndarray:
    """Lognormal, and shorter the larger the size is."""
    values = rng.lognormal(np.log(3 + 1000 / size), 0.25, seconds * RATE_RPS)
    return np.where(np.arange(len(values)) % 2, values, 90.0) if size <= TOO_SMALL else values
