#!/bin/sh
# Makes /opt/venv with the Python asked for, or the image's own.
# usage: make_venv.sh PYTHON_VERSION|- SHIM_FOLDER [option of uv venv]
# The exit statuses are read by profiler/services/scoring/dockerfiles.py.
set -eu
. "$(dirname "$0")/certificates.sh"
wanted=$1 shim=$2
shift 2

[ "$wanted" != - ] || wanted=$(command -v python3 || command -v python)
UV_PYTHON_INSTALL_DIR=/opt/python /opt/uv/bin/uv --color never venv --quiet "$@" \
    --python "$wanted" /opt/venv || exit 43

# A path file comes after site-packages: what is installed there wins over what lies in the shim.
packages=$(/opt/venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$shim" > "$packages/model_profiler_shim.pth"
