"""The smallest service: no model, no packages. Answers what it was sent, with its length."""

import json


def init():
    pass


def run(raw_data):
    return {"length": len(raw_data), "echo": json.loads(raw_data)}
