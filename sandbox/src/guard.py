"""Runs a command that must not outlive the process that asked for it.

Standard input is a pipe whose other end only that process holds. When it ends, by whatever
means, the command and everything in its process group is killed.

Where the environment gives a niceness, the command and all that it starts yield by it to what has
less.

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


def kill_group(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


def kill_at_end_of_input(group: int) -> None:
    while os.read(0, 4096):
        pass
    kill_group(group)


def prepare() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    if not niceness:
        return
    os.nice(int(niceness))
    # Linux may share out processor time by session first, and this one is new: sched(7), autogroup.
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w", encoding="ascii") as file:
        file.write(niceness)


# Taken away, so that watchers further down neither count nor yield again.
time_file = os.environ.pop("GUARD_TIME_FILE", None)
niceness = os.environ.pop("GUARD_NICENESS", None)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
command = subprocess.Popen(
    sys.argv[1:],
    stdin=subprocess.DEVNULL,
    start_new_session=True,
    preexec_fn=prepare,  # noqa: PLW1509 - there is no thread yet
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
