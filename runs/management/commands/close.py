"""Close runs as failed."""

from runs.management.rescuing import RescueCommand
from runs.run_rescue import CLOSE


class Command(RescueCommand):
    help = "Close runs as failed, with a reason that their pages show."
    rescue = CLOSE
