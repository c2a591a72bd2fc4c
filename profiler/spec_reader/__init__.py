"""SPEC.json, read and checked as a whole before anything is started."""

from profiler.spec_reader.entry_script import check_script
from profiler.spec_reader.reading import read_spec, read_spec_data
from profiler.spec_reader.resolved import spec_to_json
from profiler.spec_reader.target import Capacity

__all__ = ["Capacity", "check_script", "read_spec", "read_spec_data", "spec_to_json"]
