"""Command line of the sandbox: start, say when ready, stop with everything started."""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from typing import TextIO

from aws_behaviour import environment, pin, processes

EXIT_REFUSED = 2


def main(arguments: list[str] | None = None) -> int:
    """Serves until told to stop; returns the exit status."""
    options = _parse(arguments)
    try:
        pin.check_version()
        port = _free_port(options.port)
    except (pin.PinError, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return EXIT_REFUSED

    group = processes.lead_group()
    announcements = _reserve_stdout()
    directory = tempfile.mkdtemp(prefix="ministack-s3-")
    watchdog = processes.start_watchdog(group, directory)
    try:
        environment.prepare(port, directory, options.log_level)
        # Imported only now: MiniStack reads its settings while it is imported.
        from aws_behaviour import patches

        try:
            patches.install(options.replication_delay, options.weather)
        except pin.PinError as error:
            print(f"sandbox: {error}", file=sys.stderr)
            return EXIT_REFUSED
        asyncio.run(_serve(port, announcements, options.parent_pipe))
    finally:
        processes.end_members(group, spare=os.getpid())
        shutil.rmtree(directory, ignore_errors=True)
        if watchdog.stdin:
            watchdog.stdin.flush()
    # MiniStack's worker threads poll for ever, so a plain return would wait for
    # them. The watchdog sees this process end and ends itself.
    sys.stderr.flush()
    os._exit(0)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="launch.py",
        description="MiniStack with S3's replication of encrypted objects, on loopback only.",
    )
    parser.add_argument(
        "--port", type=int, required=True, help="port to serve on; 0 takes a free one"
    )
    parser.add_argument(
        "--parent-pipe",
        action="store_true",
        help="stop when standard input ends, as it does when the parent dies",
    )
    parser.add_argument(
        "--replication-delay",
        type=float,
        default=os.environ.get(environment.DELAY_VARIABLE, environment.DEFAULT_DELAY_SECONDS),
        metavar="SECONDS",
        help="time between an upload and its replica (default: "
        f"${environment.DELAY_VARIABLE} or {environment.DEFAULT_DELAY_SECONDS})",
    )
    parser.add_argument(
        "--weather",
        default=os.environ.get(environment.WEATHER_VARIABLE, "calm"),
        choices=["calm", "real"],
        help="real: what was just made is not known everywhere at once, as on AWS and sixty times "
        f"faster (default: ${environment.WEATHER_VARIABLE} or calm)",
    )
    parser.add_argument(
        "--log-level",
        default="WARNING",
        choices=["DEBUG", "INFO", "WARNING", "ERROR"],
        help="MiniStack's log level, on standard error",
    )
    options = parser.parse_args(arguments)
    if not 0 <= options.port <= 65535:
        parser.error(f"--port {options.port}: a port is 0 to 65535")
    if not 0 <= options.replication_delay <= 3600:
        parser.error(f"--replication-delay {options.replication_delay}: expected 0 to 3600 seconds")
    return options


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((environment.HOST, port))
        except OSError as error:
            raise OSError(f"cannot serve on {environment.HOST}:{port}: {error.strerror}") from error
        return int(probe.getsockname()[1])


def _reserve_stdout() -> TextIO:
    """Keeps standard output for the announcement; everything else goes to standard error."""
    announcements = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return announcements


async def _serve(port: int, announcements: TextIO, parent_pipe: bool) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app

    from aws_behaviour import fault_answers, tampering

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(sign, stop.set)
    if parent_pipe:
        threading.Thread(target=_await_end_of_input, args=(loop, stop), daemon=True).start()

    config = Config()
    config.bind = [f"{environment.HOST}:{port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.5
    config.loglevel = os.environ["LOG_LEVEL"]
    announcer = asyncio.create_task(_announce(port, announcements))
    try:
        served = tampering.around(fault_answers.around(app))
        await serve(served, config, shutdown_trigger=stop.wait)
    finally:
        announcer.cancel()


def _await_end_of_input(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(0, 4096):
        pass
    loop.call_soon_threadsafe(stop.set)


async def _announce(port: int, announcements: TextIO) -> None:
    """Prints `ready URL` once MiniStack says that it is ready."""
    while not await _is_ready(port):
        await asyncio.sleep(0.05)
    announcements.write(f"ready http://{environment.HOST}:{port}\n")
    announcements.flush()


async def _is_ready(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection(environment.HOST, port)
    except OSError:
        return False
    request = "GET /_ministack/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    writer.write(request.encode())
    status_line = await reader.readline()
    writer.close()
    return b" 200 " in status_line
