"""Remembers a block for each key until all keys are known, and reads parts of large files.

The files are a package's libraries, read whole by `init` and never run: they fill the page cache,
which counts as this service's because what others had cached of them is dropped first.
"""

import hashlib
import json
import os
from importlib.util import find_spec
from pathlib import Path

FILES_BYTES, BLOCK_BYTES, PART_BYTES = 64 << 20, 256 << 10, 1 << 20
files = []
blocks = {}


def init():
    libraries = Path(find_spec("scipy").origin).parent.rglob("*.so")
    left = FILES_BYTES
    for path in sorted(libraries, key=lambda path: (-path.stat().st_size, path.name)):
        if left <= 0:
            break
        file = os.open(path, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        while os.read(file, PART_BYTES):
            pass
        files.append((file, path.stat().st_size))
        left -= path.stat().st_size


def run(raw_data):
    key = json.loads(raw_data)["key"]
    if key not in blocks:
        blocks[key] = bytearray(b"\1") * BLOCK_BYTES
    file, size = files[key % len(files)]
    part = os.pread(file, PART_BYTES, key * BLOCK_BYTES % size)
    return {"key": key, "digest": hashlib.sha3_256(part + blocks[key]).hexdigest()}
