"""The command line: a module for each thing that commands are about."""

from __future__ import annotations

import click

from profiler_client.commands.configs import config
from profiler_client.commands.datasets import dataset
from profiler_client.commands.lists import export
from profiler_client.commands.models import model
from profiler_client.commands.proposals import proposal
from profiler_client.commands.runs import run
from profiler_client.commands.targets import target
from profiler_client.version import VERSION


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name="model-profiler")
def model_profiler() -> None:
    """Register models, measure what they need, and apply it.

    Every command takes --server (or MODEL_PROFILER_URL), --token (or MODEL_PROFILER_TOKEN) and
    -o table|json|yaml. Exit status: 0 done or succeeded, 1 failed, 2 what was asked is wrong,
    3 the run was cancelled, 4 it timed out.
    """


for one in (model, dataset, config, run, target, proposal, export):
    model_profiler.add_command(one)
