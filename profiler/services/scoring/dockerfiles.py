"""The Dockerfiles of a scored service, and what their failures mean."""

from __future__ import annotations

import shlex
from pathlib import Path

from profiler.services.build_context import BuildContext
from profiler.services.scoring import layout, requirements
from profiler.spec import Environment

APP_ROOT = "/var/azureml-app"
SUPPORT = "/opt/model-profiler"
PYTHON = "/opt/venv/bin/python"
UV_REQUIREMENT = "uv==0.13.8"
BUILD_SCRIPTS = Path(__file__).parent / "build"

#: Server and uv, then the user's packages resolved together with the server (so that a conflict is
#: said and not installed), then our own small files.
ENVIRONMENT = """\
FROM {base}
USER root
ARG PIP_INDEX_URL
ARG UV_INDEX_URL
COPY certificates/ {support}/certificates/
COPY build/ {support}/build/
RUN sh {support}/build/make_uv.sh {uv}
RUN sh {support}/build/make_venv.sh {python} {support}/shim {option}
RUN sh {support}/build/install.sh {server}
COPY requirements.txt {support}/requirements.txt
RUN sh {support}/build/install.sh {server} -r {support}/requirements.txt
COPY support/ {support}/
"""

RUN = """\
FROM {below}
COPY code/ {app_root}/
WORKDIR {app_root}
ENTRYPOINT []
CMD ["/opt/venv/bin/gunicorn", "--config", "{support}/serving/gunicorn_conf.py", "{app}"]
"""

#: Exit statuses of build/make_uv.sh and build/make_venv.sh.
VENV_FAILURES = {
    41: "The base image {base} has no python3. Use one that has, for example python:3.11-slim.",
    42: "The Python of the base image {base} has no venv. Install it there (on Debian: apt-get "
    "install python3-venv) or use another base image.",
    43: "Python {python} was asked for. The base image {base} has another, and that version could "
    "not be downloaded while building: {reason} Ask for the Python of the base image, or name a "
    "base image that has {python}.",
    44: "uv could not be installed in the base image {base}: {reason}",
}


def environment_context(base: str, environment: Environment) -> BuildContext:
    """Everything of the environment's image but the certificates, which are no part of its hash."""
    # Packages that a given image already has stay visible; ours take precedence.
    own_image = environment.base_image is not None or environment.dockerfile is not None
    context = BuildContext(
        ENVIRONMENT.format(
            base=base,
            support=SUPPORT,
            uv=UV_REQUIREMENT,
            python=shlex.quote(environment.python or "-"),
            option="--system-site-packages" if own_image else "",
            server=layout.SERVER_REQUIREMENT,
        )
    )
    context.add_folder("build", BUILD_SCRIPTS)
    context.add_text("requirements.txt", "".join(f"{line}\n" for line in environment.pip))
    context.add_folder("support/serving", layout.SERVING)
    context.add_folder("support/shim", layout.SHIM)
    return context


def models_dockerfile(environment_image: str) -> str:
    return f"FROM {environment_image}\nCOPY models/ {APP_ROOT}/\n"


def run_dockerfile(below: str) -> str:
    return RUN.format(below=below, app_root=APP_ROOT, support=SUPPORT, app=layout.SERVER_APP)


def explain_environment(
    status: int | None, output: str, base: str, environment: Environment
) -> str:
    """Why the environment's image was not built: a step's exit status and the build's output."""
    if status in VENV_FAILURES:
        return VENV_FAILURES[status].format(
            base=base, python=environment.python, reason=requirements.reason_of(output)
        )
    return requirements.explain(output, environment.pip)
