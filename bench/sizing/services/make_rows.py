"""Makes the requests.jsonl of every service: always the same ones."""

import json
from pathlib import Path

import numpy

HERE = Path(__file__).parent
LOGNORMAL_MEAN_MS, LOGNORMAL_SIGMA = 1.5, 0.7


def main() -> None:
    rng = numpy.random.default_rng(0)
    mu = numpy.log(LOGNORMAL_MEAN_MS) - LOGNORMAL_SIGMA**2 / 2
    costs_ms = rng.lognormal(mu, LOGNORMAL_SIGMA, 400).round(3).tolist()
    write("fixed", ({"cpu_ms": 1.5} for _ in range(20)))
    write("lognormal", ({"cpu_ms": cost} for cost in costs_ms))
    # One row in ten is costly, at no regular distance.
    costly = rng.permutation([True] * 20 + [False] * 180).tolist()
    write("two_classes", ({"cpu_ms": 7.0 if is_costly else 0.7} for is_costly in costly))
    write("sleeping", ({"cpu_ms": 0.5, "wait_ms": 20} for _ in range(20)))
    write("slow_start", ({"cpu_ms": 1.5} for _ in range(20)))
    write("threads", ({"scale": number} for number in range(1, 21)))
    write("cache_files", ({"key": number} for number in range(240)))
    data = rng.standard_normal((50, 1, 10)).round(4).tolist()
    write("scikit_learn", ({"data": rows} for rows in data))
    write("onnx", ({"seed": number} for number in range(20)))


def write(name: str, rows) -> None:
    path = HERE / name / "requests.jsonl"
    lines = (json.dumps({"id": number, **row}) for number, row in enumerate(rows, 1))
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
