"""`threads.py URL THREADS SECONDS`: a session of requests in each thread, as many scripts do it."""

import json
import sys
import threading
import time

import requests

url, threads, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
counts = [0] * threads
end = time.monotonic() + seconds


def ask(number):
    with requests.Session() as session:
        while time.monotonic() < end:
            session.get(url).raise_for_status()
            counts[number] += 1


began, cpu_began = time.monotonic(), time.process_time()
all_threads = [threading.Thread(target=ask, args=(number,)) for number in range(threads)]
for thread in all_threads:
    thread.start()
for thread in all_threads:
    thread.join()
print(
    json.dumps(
        {
            "requests": sum(counts),
            "seconds": time.monotonic() - began,
            "cpu_s": time.process_time() - cpu_began,
        }
    )
)
