"""Locust with its fast client, for `--seconds`; says what they cost, starting up not counted."""

import json
import sys
import time

import gevent
from locust import FastHttpUser, constant, events, task


class User(FastHttpUser):
    wait_time = constant(0)

    @task
    def ask(self):
        self.client.get("/")


@events.init_command_line_parser.add_listener
def know_seconds(parser, **_):
    parser.add_argument("--seconds", type=float)


@events.init.add_listener
def begin_once_all_users_are_there(environment, **_):
    def begin(**_):
        gevent.spawn_later(environment.parsed_options.seconds, end, now())

    def end(began):
        used = {name: value - began[name] for name, value in now().items()}
        sys.stdout.write(json.dumps(used) + "\n")
        environment.runner.quit()

    def now():
        requests = environment.stats.total.num_requests
        return {
            "seconds": time.monotonic(),
            "cpu_s": time.process_time(),
            "requests": requests,
        }

    environment.events.spawning_complete.add_listener(begin)
