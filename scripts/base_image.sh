#!/bin/sh
# Makes a base image for services from Debian packages, where no image registry can be reached.
# Needs root, debootstrap and a running Docker engine; takes about a minute.
# usage: base_image.sh [NAME]   (MIRROR, SUITE: the Debian mirror and release)
set -eu

name=${1:-model-profiler-base:bookworm}
suite=${SUITE:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}

fail() {
    echo "base image: $*" >&2
    exit 1
}

docker version > /dev/null 2>&1 ||
    fail "the Docker engine does not answer; start it (systemctl start docker), then try again"
if docker image inspect "$name" > /dev/null 2>&1; then
    echo "$name is already there (docker image rm $name to make it anew)"
    exit 0
fi
[ "$(id -u)" = 0 ] || fail "debootstrap needs root; run: sudo make base-image"
command -v debootstrap > /dev/null ||
    fail "debootstrap is not installed; run: apt-get install -y debootstrap"

folder=$(mktemp -d) || fail "no temporary folder could be made"
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM

echo "Unpacking Debian $suite with Python from $mirror ..."
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
    "$suite" "$folder/root" "$mirror" > "$folder/log" 2>&1 || {
    tail -n 20 "$folder/log" >&2
    fail "debootstrap failed; is $mirror reachable, and is there 1 GB free in $folder?"
}
rm -rf "$folder/root/var/cache/apt/archives" "$folder/root/var/lib/apt/lists"
mkdir -p "$folder/root/var/lib/apt/lists/partial" "$folder/root/var/cache/apt/archives/partial"
tar -C "$folder/root" -c . | docker import - "$name" > /dev/null || fail "docker import failed"
echo "Made $name"
