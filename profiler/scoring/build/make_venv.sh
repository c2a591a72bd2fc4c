#!/bin/sh
# Makes /opt/venv with the Python asked for (or the image's own), and uv to fill it.
# usage: make_venv.sh UV_REQUIREMENT PYTHON_VERSION|- SHIM_FOLDER [option of uv venv]
# The exit statuses are read by profiler/scoring/dockerfiles.py.
set -eu
. "$(dirname "$0")/certificates.sh"
uv_requirement=$1 wanted=$2 shim=$3
shift 3

python=$(command -v python3 || command -v python) || exit 41
"$python" -c 'import ensurepip, venv' || exit 42
"$python" -m venv /opt/uv
/opt/uv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check \
    "$uv_requirement" || exit 44

[ "$wanted" != - ] || wanted=$python
UV_PYTHON_INSTALL_DIR=/opt/python /opt/uv/bin/uv --color never venv --quiet "$@" \
    --python "$wanted" /opt/venv || exit 43

# A path file comes after site-packages: what is installed there wins over what lies in the shim.
packages=$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$shim" > "$packages/model_profiler_shim.pth"
