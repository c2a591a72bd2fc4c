#!/bin/sh
# Puts uv into the image, by the image's own Python. usage: make_uv.sh UV_REQUIREMENT
# The exit statuses are read by profiler/services/scoring/dockerfiles.py.
set -eu
. "$(dirname "$0")/certificates.sh"

python=$(command -v python3 || command -v python) || exit 41
"$python" -c 'import ensurepip, venv' || exit 42
"$python" -m venv /opt/uv
/opt/uv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check "$1" || exit 44
