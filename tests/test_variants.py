"""Workers and threads that are searched with the cpu: read, put in order, and chosen."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.sizing.choice import (
    Tried,
    best_of,
    most_promising,
    others_sentence,
    variant_text,
)
from profiler.spec import AS_GIVEN, Concurrency, Limits, Spec, Variant
from profiler.spec_reader import read_spec_data, spec_to_json
from profiler.threads import THREAD_VARIABLES, thread_env
from profiler.units import MIB
from tests.spec_files import HOST, SpecFiles

ONE, TWO, FOUR = (Variant(workers) for workers in (1, 2, 4))


def files_with(tmp_path: Path, kind: str = "docker", **config: object) -> SpecFiles:
    files = SpecFiles(tmp_path).set("target.kind", kind)
    for key, value in config.items():
        files.set(f"config.{key}", value)
    return files


def read(tmp_path: Path, **config: object) -> Spec:
    return files_with(tmp_path, **config).read()


def told(files: SpecFiles) -> str:
    return "\n".join(f"{place} {message}" for place, message in files.problems())


# ---- reading ----


def test_lists_make_every_pair_and_the_first_number_is_what_the_config_has(tmp_path):
    spec = read(tmp_path, workers=[2, 1], threads=[1, 4])
    assert spec.config.workers == 2
    assert [(v.workers, v.env["OMP_NUM_THREADS"]) for v in spec.config.concurrency.variants()] == [
        (2, "1"), (2, "4"), (1, "1"), (1, "4"),
    ]  # fmt: skip


def test_single_numbers_are_the_config_as_given(tmp_path):
    spec = read(tmp_path, workers=3, threads=2, env={"MODE": "fast"})
    assert spec.config.workers == 3
    assert spec.config.env == {"MODE": "fast"} | dict.fromkeys(THREAD_VARIABLES, "2")
    assert spec.config.concurrency.variants() == (AS_GIVEN,)


@pytest.mark.parametrize("asked", [{"workers": [1, 2, 4], "threads": [1, 2]}, {"threads": [2]}])
def test_a_resolved_spec_reads_as_the_same_again(tmp_path, asked):
    spec = read(tmp_path, **asked)
    again = read_spec_data(spec_to_json(spec, tmp_path), tmp_path, capacity=HOST)
    assert again == spec


@pytest.mark.parametrize("workers", [[], [0], [1, 1], [1, 2.5], [1, True], list(range(1, 8)), "2"])
def test_wrong_lists_are_refused_with_their_place(tmp_path, workers):
    assert "config.workers" in told(files_with(tmp_path, workers=workers))


def test_threads_beside_a_variable_they_set_are_refused(tmp_path):
    said = told(files_with(tmp_path, threads=[1, 2], env={"OMP_NUM_THREADS": "auto"}))
    assert "config.env.OMP_NUM_THREADS" in said and "config.threads" in said


def test_a_rate_is_asked_of_one_service_only(tmp_path):
    files = files_with(tmp_path, workers=[1, 2]).set("question", "rate")
    files.set("load", {"mode": "open", "rate_rps": 5}).set("objective", {"latency_ms": 50})
    assert [place for place, _ in files.problems()] == ["question"]


def test_a_process_searches_no_cpu_so_it_takes_no_list(tmp_path):
    assert "needs a docker target" in told(files_with(tmp_path, "process", workers=[1, 2]))


def test_workers_of_a_container_are_refused_and_its_threads_are_not(tmp_path):
    container = {"image": "some:1", "port": 8080, "threads": [1, 2]}
    files = SpecFiles(tmp_path).set("config", container)
    assert files.problems() == []
    assert "config.workers" in told(files.set("config.workers", [1, 2]))


# ---- the order and the choice ----


def tried(variant: Variant, cpu: int | None, memory_mib: int = 96) -> Tried:
    return Tried(variant, None if cpu is None else Limits(cpu, memory_mib * MIB))


def test_the_smallest_cpu_wins_then_memory_then_workers_then_threads():
    one_thread, two_threads = Variant(1, thread_env(1)), Variant(1, thread_env(2))
    for better, worse in [
        (tried(FOUR, 300, 900), tried(ONE, 400, 90)),
        (tried(TWO, 300, 96), tried(ONE, 300, 112)),
        (tried(ONE, 300), tried(TWO, 300)),
        (tried(one_thread, 300), tried(two_threads, 300)),
        (tried(FOUR, 1000, 900), tried(ONE, None)),
    ]:
        assert best_of([worse, better]) is better
    assert best_of([tried(ONE, None)]) is None


@given(st.permutations([tried(v, cpu) for v, cpu in itertools.product((ONE, TWO), (200, 300))]))
def test_the_choice_does_not_depend_on_the_order_of_trying(order):
    assert best_of(order) == tried(ONE, 200)


def test_workers_times_threads_near_the_cores_are_tried_first():
    pairs = Concurrency((1, 2, 4), (1, 2)).variants()
    best = most_promising(pairs, 2000)
    assert (best.workers, best.env["OMP_NUM_THREADS"]) == (1, "2")
    assert most_promising((ONE, TWO, FOUR), 4000) == FOUR
    assert most_promising((FOUR, TWO, ONE), 300) == ONE
    assert most_promising((), 300) is None


def test_the_others_are_named_with_what_they_needed():
    said = others_sentence(
        [
            tried(ONE, 400),
            tried(TWO, 300),
            tried(FOUR, None),
            Tried(Variant(8), None, not_searched="the budget left no time for it"),
        ]
    )
    assert said == (
        "Of the workers and threads tried, 2 workers is best (1 worker: 400m cpu and 96 MiB; "
        "4 workers: the objective was not shown to be kept at 300m; 8 workers: the budget left no "
        "time for it)."
    )
    assert others_sentence([tried(ONE, 400)]) == ""
    assert "None of the workers" in others_sentence([tried(ONE, None), tried(TWO, None)])
    assert variant_text(Variant(2, thread_env(4))) == "2 workers of 4 threads each"
