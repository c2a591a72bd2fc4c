"""What the benchmarks share: a server that knows the truth, peers, containers, telling."""
