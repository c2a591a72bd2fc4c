"""What makes a service need more than it could: causes with their numbers, and what mends them."""

from profiler.sizing.diagnosing.causes import diagnose
from profiler.sizing.diagnosing.diagnosis import Diagnosis
from profiler.sizing.diagnosing.fixes import with_gain

__all__ = ["Diagnosis", "diagnose", "with_gain"]
