"""Units that times and memory are kept in, by those they are told in."""

#: Nanoseconds in a second, and in a millisecond.
NS, NS_PER_MS = 1_000_000_000, 1_000_000
#: Bytes.
MIB, GIB = 1 << 20, 1 << 30
