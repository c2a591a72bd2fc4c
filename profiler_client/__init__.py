"""Model Profiler from Python: `Client("http://localhost:8000").runs()`."""

from profiler_client.client import Client
from profiler_client.errors import NotReached, ProfilerClientError, Refused
from profiler_client.version import VERSION as __version__

__all__ = ["Client", "NotReached", "ProfilerClientError", "Refused", "__version__"]
