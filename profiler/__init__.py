"""The engine: measures a model service and finds the smallest size that keeps its objective.

No Django, no queue, no database: `python -m profiler run SPEC.json --out RESULT.json`.
"""

__version__ = "0.1.0"
