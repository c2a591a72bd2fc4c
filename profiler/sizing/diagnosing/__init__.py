"""What makes a service need more than it could: causes with their numbers, and what mends them."""

from profiler.sizing.diagnosing.causes import diagnose
from profiler.sizing.diagnosing.diagnosis import Diagnosis
from profiler.sizing.diagnosing.fixes import with_gain
from profiler.sizing.diagnosing.rate_fixes import TriedRate, with_more_rate

__all__ = ["Diagnosis", "TriedRate", "diagnose", "with_gain", "with_more_rate"]
