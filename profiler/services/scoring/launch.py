"""Starts a service's program in place of itself: bound to its parent's life and to given cores.

usage: launch.py PARENT_PID CORE[,CORE...] PROGRAM ARGUMENT...

A program of its own, since between fork and exec in a process with threads (preexec_fn) even an
import can hang. It runs on the service's Python, so it keeps to the standard library.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
#: Daemons that the program's children leave behind become its own children, as those of a
#: container's first process do: so they are measured, and end with it.
PR_SET_CHILD_SUBREAPER = 36


def main(parent, cores, *command):
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    if os.getppid() != int(parent):
        sys.exit("the parent died before it could be watched")
    os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
    os.execv(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
