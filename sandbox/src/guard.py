"""Runs a command that must not outlive the process that asked for it.

Standard input is a pipe whose other end only that process holds. When it ends, by whatever
means, the command and everything in its process group is killed.

Where the environment names a file for it, the seconds of processor time that the command took, with
all that it started and waited for, become a line of that file.
"""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import threading


def kill_group(group):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def kill_at_end_of_input(group):
    while os.read(0, 4096):
        pass
    kill_group(group)


# Taken away, so that watchers further down do not count the same again.
time_file = os.environ.pop("GUARD_TIME_FILE", None)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
command = subprocess.Popen(
    sys.argv[1:],
    stdin=subprocess.DEVNULL,
    start_new_session=True,
    preexec_fn=lambda: [signal.signal(n, signal.SIG_DFL) for n in (2, 15, 1)],
)
threading.Thread(target=kill_at_end_of_input, args=(command.pid,), daemon=True).start()
status = command.wait()
kill_group(command.pid)
if time_file:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(time_file, "a", encoding="ascii") as file:
        file.write(f"{spent.ru_utime + spent.ru_stime}\n")
# A daemon thread still reads standard input; only this way out does not wait for its lock.
os._exit(status if status >= 0 else 128 - status)
