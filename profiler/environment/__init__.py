"""The Python packages of a scored service, from whatever they were written down in."""

from profiler.environment.reading import read_environment

__all__ = ["read_environment"]
