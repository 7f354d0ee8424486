"""The sandbox stops completely, however its parent goes, and starts only when it fits."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cloud import SOURCE_REGION, Cloud
from running import LAUNCHER, Sandbox, eventually, launch, wait_until_ready

from aws_behaviour import pin, processes

# A function that, as compiled ones do, is a plain process asking for work; it has a child.
BOOTSTRAP = """#!/bin/sh
sleep 1000 &
while :; do
  id=$(curl -sD - -o /dev/null "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next" |
    tr -d '\\r' | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
  curl -s -d '{}' "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/$id/response"
done
"""


def run_function(cloud: Cloud) -> None:
    cloud.function(SOURCE_REGION, "f", BOOTSTRAP)
    answer = cloud.client("lambda").invoke(FunctionName="f", Payload=b"{}")
    assert answer["StatusCode"] == 200 and "FunctionError" not in answer


@pytest.fixture
def own(tmp_path: Path) -> Sandbox:
    process = launch("--parent-pipe", TMPDIR=str(tmp_path))
    return wait_until_ready(process)


@pytest.mark.parametrize("end", ["end of input", "SIGTERM", "SIGINT", "SIGKILL"])
def test_nothing_is_left_after_the_end(own: Sandbox, tmp_path: Path, end: str) -> None:
    run_function(Cloud(own.url))
    group = os.getpgid(own.process.pid)
    assert group == own.process.pid
    assert len(processes.members(group)) >= 3, "launcher, bootstrap and its child"
    assert list(tmp_path.iterdir()) != []
    assert own.process.stdin is not None
    if end == "end of input":
        own.process.stdin.close()
    else:
        own.process.send_signal(getattr(signal, end))
    status = own.process.wait(timeout=10)
    assert status == (-signal.SIGKILL if end == "SIGKILL" else 0)
    assert eventually(lambda: processes.members(group) == [])
    assert eventually(lambda: list(tmp_path.iterdir()) == [])
    own.process.stdin.close()
    assert own.process.stdout is not None
    assert own.process.stdout.read() == "", "standard output holds one line"
    own.process.stdout.close()


def test_parent_killed_takes_the_sandbox_with_it(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys, time\n"
            "child = subprocess.Popen([sys.executable, *sys.argv[1:]], stdin=subprocess.PIPE)\n"
            "time.sleep(1000)",
            str(LAUNCHER),
            "--port=0",
            "--parent-pipe",
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert parent.stdout is not None
    url = parent.stdout.readline().split()[1]
    port = int(url.rpartition(":")[2])
    parent.kill()
    parent.wait()
    # The pipe ends when the last process that holds it is gone.
    assert parent.stdout.read() == ""
    parent.stdout.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)
    assert eventually(lambda: list(tmp_path.iterdir()) == [])


def test_serves_on_loopback_only(sandbox: Sandbox) -> None:
    port = int(sandbox.url.rpartition(":")[2])
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    addresses = {
        row.split()[1].split(":")[0]
        for row in listening
        if row.split()[3] == "0A" and int(row.split()[1].split(":")[1], 16) == port
    }
    assert addresses == {"0100007F"}


def test_taken_port_is_refused(sandbox: Sandbox) -> None:
    port = sandbox.url.rpartition(":")[2]
    answer = subprocess.run(
        [sys.executable, str(LAUNCHER), "--port", port], capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stdout) == (2, "")
    assert f"cannot serve on 127.0.0.1:{port}" in answer.stderr


def test_credentials_of_the_caller_are_no_keys_of_the_sandbox(tmp_path: Path) -> None:
    process = launch(
        "--parent-pipe",
        AWS_ACCESS_KEY_ID="AKIAREALREALREALREAL",
        AWS_SECRET_ACCESS_KEY="real",
        TMPDIR=str(tmp_path),
    )
    url = wait_until_ready(process).url
    caller = Cloud(url, "AKIAREALREALREALREAL", "real")
    sts = caller.client("sts")
    with pytest.raises(sts.exceptions.ClientError, match=r"InvalidClientTokenId|Unrecognized"):
        sts.get_caller_identity()
    assert process.stdin is not None and process.stdout is not None
    process.stdin.close()
    process.wait(timeout=10)
    process.stdout.close()


def test_another_version_of_ministack_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin, "MINISTACK_VERSION", "1.5.34")
    with pytest.raises(pin.PinError, match=r"patches ministack 1\.5\.34, but here it is 1\.5\.33"):
        pin.check_version()


def test_pinned_version_is_the_required_one() -> None:
    lines = (LAUNCHER.parent / "requirements.txt").read_text().splitlines()
    pinned = [line.split("==")[1].split()[0] for line in lines if line.startswith("ministack")]
    assert pinned and set(pinned) == {pin.MINISTACK_VERSION}


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        ("ministack.services.s3._maybe_replicate", "takes \\(bucket_name, key, obj, data, tags\\)"),
        ("ministack.services.s3._no_such_function", "is gone"),
    ],
)
def test_changed_function_is_refused(
    monkeypatch: pytest.MonkeyPatch, function: str, complaint: str
) -> None:
    monkeypatch.setitem(pin.REPLACED, function, ("bucket", "key"))
    with pytest.raises(pin.PinError, match=complaint):
        pin.check_signatures()


def test_installed_functions_are_as_pinned() -> None:
    pin.check_version()
    pin.check_signatures()


def test_start_is_quick(tmp_path: Path) -> None:
    started = time.monotonic()
    process = launch("--parent-pipe", TMPDIR=str(tmp_path))
    wait_until_ready(process)
    assert time.monotonic() - started < 15
    assert process.stdin is not None and process.stdout is not None
    process.stdin.close()
    process.wait(timeout=10)
    process.stdout.close()
