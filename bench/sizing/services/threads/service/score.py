"""Multiplies matrices by OpenBLAS, with as many threads as OMP_NUM_THREADS says.

OpenBLAS would take no more threads than there are cores; told so in the code, it does.
"""

import json
import os

import numpy
from threadpoolctl import threadpool_limits

SIZE = 256
matrix = None
limits = None


def init():
    global matrix, limits
    limits = threadpool_limits(int(os.environ.get("OMP_NUM_THREADS", "2")))
    matrix = numpy.random.default_rng(0).standard_normal((SIZE, SIZE))


def run(raw_data):
    scaled = matrix * json.loads(raw_data)["scale"]
    return {"trace": float(numpy.trace(matrix @ scaled))}
