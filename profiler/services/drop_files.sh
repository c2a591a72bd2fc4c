# Runs inside an image that has no Python 3, with sh and find, and dd of GNU coreutils: drops its
# files from the page cache as drop_files.py does. `count=0` drops the whole file.
dd if=/bin/sh iflag=nocache count=0 status=none 2>/dev/null || exit 3
sync 2>/dev/null
DROP_EACH='for file; do dd if="$file" iflag=nocache count=0 status=none; done'
find / \( -path /proc -o -path /sys -o -path /dev \) -prune -o \
    -type f \( -name '*.so*' -o -size +127 \) -exec sh -c "$DROP_EACH" sh {} + 2>/dev/null
# find itself fails where it may not read a folder, which the service may not either.
command -v find >/dev/null
