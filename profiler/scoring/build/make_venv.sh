#!/bin/sh
# Makes /opt/venv with the Python asked for (or the image's own), and uv to fill it.
# usage: make_venv.sh UV_REQUIREMENT PYTHON_VERSION|- [uv venv option]
# The exit statuses are read by profiler/image.py.
set -eu
uv_requirement=$1 wanted=$2 option=${3:-}

python=$(command -v python3 || command -v python) || exit 41
"$python" -c 'import ensurepip, venv' || exit 42
"$python" -m venv /opt/uv
/opt/uv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
    "$uv_requirement" || exit 44

[ "$wanted" != - ] || wanted=$python
# shellcheck disable=SC2086 # one option or none
UV_PYTHON_INSTALL_DIR=/opt/python /opt/uv/bin/uv venv --quiet $option --python "$wanted" /opt/venv \
    || { "$python" --version; exit 43; }
