"""The names under which a v1 script catches what went wrong."""

from __future__ import annotations

from profiler_client.errors import ProfilerClientError

AzureMLException = UserErrorException = WebserviceException = ProfilerClientError

__all__ = ["AzureMLException", "UserErrorException", "WebserviceException"]
