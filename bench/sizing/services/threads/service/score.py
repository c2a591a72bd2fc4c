"""Multiplies matrices in parts, by as many threads as OMP_NUM_THREADS says, 8 unless it is set.

Threads of its own: those of OpenBLAS yield to each other while they wait, and where they share one
core a product takes so long that no size would keep any objective at this rate.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import numpy
from threadpoolctl import threadpool_limits

SIZE = 384
matrix = None
pool = None
parts = ()


def init():
    global matrix, parts, pool
    threadpool_limits(1)
    threads = int(os.environ.get("OMP_NUM_THREADS", "8"))
    matrix = numpy.random.default_rng(0).standard_normal((SIZE, SIZE))
    parts = numpy.array_split(matrix, threads)
    pool = ThreadPoolExecutor(threads)


def run(raw_data):
    scaled = matrix * json.loads(raw_data)["scale"]
    products = pool.map(lambda part: part @ scaled, parts)
    return {"trace": float(numpy.trace(numpy.concatenate(list(products))))}
