"""Sensitivity to the payload: latency, CPU and errors by class of rows, by row and by body size."""

from profiler.measuring.sensitivity.classes import RowFacts
from profiler.measuring.sensitivity.payload import Payload, payload_of
from profiler.measuring.sensitivity.words import findings

__all__ = ["Payload", "RowFacts", "findings", "payload_of"]
