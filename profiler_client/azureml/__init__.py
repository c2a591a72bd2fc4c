"""Azure ML v1's words for this site: a script that profiled a model there runs here.

`from azureml.core import Workspace` becomes `from profiler_client.azureml.core import Workspace`,
and so for the other import lines. What would change a result and is not known here is refused; what
only said in which cloud things are is ignored. docs/azureml.md of the site has the list.
"""

from profiler_client.azureml import core

__all__ = ["core"]
