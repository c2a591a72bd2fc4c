#!/bin/sh
# Installs packages into /opt/venv: compiled, because the service's file system is read-only, and
# without a cache, which would stay in the layer.
# usage: install.sh REQUIREMENT... [-r FILE]
set -eu
. "$(dirname "$0")/certificates.sh"
exec /opt/uv/bin/uv --color never --no-progress pip install --python /opt/venv/bin/python \
    --compile-bytecode --no-cache --link-mode copy "$@"
