"""Burns as much CPU and then waits as long as each row asks.

CPU is counted by the thread's own clock: what a request costs does not depend on how fast the
processor happens to be. START_CPU_S and START_MIB are what `init` burns, and holds while it does.
"""

import json
import os
import time


def burn(cpu_s):
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        pass


def init():
    held = bytearray(b"\1") * (int(os.environ.get("START_MIB", "0")) << 20)
    burn(float(os.environ.get("START_CPU_S", "0")))
    del held


def run(raw_data):
    asked = json.loads(raw_data)
    burn(asked["cpu_ms"] / 1000)
    time.sleep(asked.get("wait_ms", 0) / 1000)
    return {"id": asked["id"]}
