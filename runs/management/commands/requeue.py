"""Put runs back on their queue."""

from runs.management.rescuing import RescueCommand
from runs.run_rescue import REQUEUE


class Command(RescueCommand):
    help = "Put runs back on their queue: one that runs ends its attempt and waits for the next."
    rescue = REQUEUE
