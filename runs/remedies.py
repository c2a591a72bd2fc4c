"""What someone can do about a run that failed, by its code. Says what to do, not what happened."""

from __future__ import annotations

from profiler import errors

REMEDIES = {
    errors.INVALID_SPEC: "Correct the places named above, register again what has to change, and "
    "start a new run. Nothing was started.",
    errors.IMAGE_BUILD_FAILED: "The end of the build's log below names the step that failed. "
    "Correct the environment of the config (a requirement's name or version, the Dockerfile), "
    "register it again, and start a new run.",
    errors.ENVIRONMENT_FAILED: "The end of the log below names the requirement that failed. "
    "Correct the environment of the config, register it again, and start a new run.",
    errors.IMAGE_NOT_FOUND: "Check the image's name and tag, and that the target's machine can "
    "reach its registry or has the image already.",
    errors.SCRIPT_FAILED: "The traceback at the end of the log below comes from the script. "
    "Correct it (a missing package belongs into the environment, a missing file into the source "
    "folder or the model), register the config again, and start a new run.",
    errors.NEVER_READY: "The service ran but did not answer its health path in time. See in the "
    "log what it was doing; check the port and the health path, or what init() waits for (there "
    "is no network unless the config asks for it).",
    errors.OUT_OF_MEMORY: "Give the run a higher memory limit, or make the service smaller (fewer "
    "workers, a smaller model). Changing CPU does not help.",
    errors.REQUESTS_FAILED: "Send the row named above to the service by hand and see why it is "
    "answered like that; correct the script or the dataset. If some errors are to be expected, "
    "allow an error rate in the objective.",
    errors.NO_GPU: "Choose a target that has enough GPUs (Targets shows what each has), or a "
    "config that asks for fewer. Where the target has them, see on its machine that `nvidia-smi` "
    "answers and, for containers, that the NVIDIA Container Toolkit is installed.",
    errors.TARGET_UNAVAILABLE: "Start Docker on the target's machine (or ask whoever runs it), "
    "see that the target is shown as healthy, and run again.",
    errors.DISK_FULL: "Free space on the target's machine (`docker system df` shows what Docker "
    "holds), then run again.",
    errors.WORKER_LOST: "Nothing is wrong with the run itself: its worker stopped answering. See "
    "that a worker is alive on the target, and run again.",
    errors.TIMED_OUT: "Give the run a larger budget, or see in the phases below what took the "
    "time.",
    errors.PROFILER_ERROR: "This is a fault of Model Profiler, not of your service. Running again "
    "may help; please report it with the log.",
}


def remedy(code: str) -> str:
    return REMEDIES.get(code, "")
