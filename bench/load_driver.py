"""The load driver against wrk, and against its own clock, on one small server in the same run.

The server has the cores that services get here, the drivers the core that is kept for them. Rounds
alternate, and their medians are compared as ratios. Nothing is asserted.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from profiler.circumstances import host_capacity
from profiler.dataset import Row
from profiler.load.driver import Driver
from profiler.service import Address
from profiler.spec import Load, Stage

ROUNDS, SECONDS = 3, 3
CONNECTIONS = (1, 32)
RATES_RPS = (200, 1000, 2000)
GET = Row(1, b"", None, "", "GET", "/", ())
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%s\r\nok"


def main() -> None:
    capacity = host_capacity()
    cores = capacity.driver_cores
    with tempfile.TemporaryDirectory(prefix="mp-bench-") as folder:
        for closes in (False, True):
            server, address = start_server(closes, capacity.service_cores)
            say(f"\nServer {'closes after' if closes else 'keeps'} every connection")
            try:
                with Driver([GET], cores=cores, work_dir=Path(folder)) as driver:
                    driver.connect(address)
                    for connections in CONNECTIONS:
                        compare(driver, address, connections, cores)
                    for rate_rps in RATES_RPS:
                        keep_time(driver, rate_rps)
            finally:
                server.kill()
                server.wait()


def compare(driver: Driver, address: Address, connections: int, cores: tuple[int, ...]) -> None:
    """Requests per second of the driver, and of wrk where it is installed."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(driver_rps(driver, connections))
        if shutil.which("wrk"):
            theirs.append(wrk_rps(address, connections, cores))
    line = f"  {connections:>3} at a time: driver {statistics.median(ours):>9,.0f} req/s"
    if theirs:
        ratio = statistics.median(ours) / statistics.median(theirs)
        line += f", wrk {statistics.median(theirs):>9,.0f}, ratio {ratio:.2f}"
    say(line if theirs else f"{line} (no wrk here to compare with)")


def driver_rps(driver: Driver, connections: int) -> float:
    driver.start(Load((Stage("closed", concurrency=connections),)))
    time.sleep(SECONDS)
    driver.stop(drain_s=0)
    finished_ns = driver.results()["finished_ns"]
    return len(finished_ns) / ((finished_ns.max() - finished_ns.min()) / 1e9)


def wrk_rps(address: Address, connections: int, cores: tuple[int, ...]) -> float:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s"]
    said = subprocess.run(
        [*command, f"http://{address.host}:{address.port}/"],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    ).stdout
    return float(re.search(r"Requests/sec:\s*([\d.]+)", said)[1])


def keep_time(driver: Driver, rate_rps: float) -> None:
    """How late the driver is at a Poisson rate."""
    driver.start(Load((Stage("open", rate_rps=rate_rps),)))
    time.sleep(SECONDS)
    report = driver.stop(drain_s=1)
    say(
        f"  {rate_rps:>5}/s Poisson: late by {report.late_p50_ms:.3f} ms at p50, "
        f"{report.late_p99_ms:.3f} at p99, {report.late_max_ms:.3f} at most; "
        f"busy {report.busy_fraction:.0%}{'' if report.realtime else ', no real-time priority'}"
    )


# The server


def start_server(closes: bool, cores: tuple[int, ...]) -> tuple[subprocess.Popen, Address]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, __file__, str(port), "close" if closes else "keep"],
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return server, Address("127.0.0.1", port)
        except ConnectionRefusedError:
            time.sleep(0.02)


class Answering(asyncio.Protocol):
    """Answers whatever comes; requests here fit into one read."""

    closes = False

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(ANSWER % (b"Connection: close\r\n" if self.closes else b""))
        if self.closes:
            self.transport.close()


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answering, "127.0.0.1", port, backlog=2048)
    await server.serve_forever()


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        Answering.closes = sys.argv[2] == "close"
        uvloop.run(serve(int(sys.argv[1])))
    else:
        main()
