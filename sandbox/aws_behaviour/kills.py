"""Functions whose process is killed in the middle of an invocation, on demand.

As on Lambda, the invocation fails, what it has written stays in the log, and its messages come back
after their visibility time.
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections import deque
from collections.abc import Callable
from statistics import median
from typing import Any

from ministack.core import lambda_runtime, responses
from ministack.services import lambda_svc

from aws_behaviour import faults

# MiniStack's own function, taken before it is replaced.
_worker_class_for: Callable[[dict[str, Any]], type] = lambda_runtime._worker_class_for

# How long the latest invocations took that nobody killed.
_took: deque[float] = deque([0.1], maxlen=20)


def worker_class_for(config: dict[str, Any]) -> type:
    """Replaces MiniStack's: an execution environment that can be killed."""
    found = _worker_class_for(config)
    return Mortal if found is lambda_runtime.ProvidedWorker else found


class Mortal(lambda_runtime.ProvidedWorker):  # type: ignore[misc]
    """An execution environment of a compiled function."""

    def invoke(self, event: Any, request_id: str, **options: Any) -> Any:
        active = faults.current()
        if active is None or self.func_name != active.function or "Records" not in event:
            return super().invoke(event, request_id, **options)
        dies = active.death()
        timer = None
        if dies is not None:
            timer = threading.Timer(dies * median(_took), self._kill, [request_id])
            timer.start()
        began = time.monotonic()
        result = super().invoke(event, request_id, **options)
        if timer is None:
            _took.append(time.monotonic() - began)
        else:
            timer.cancel()
        payload = result.get("error_payload") or {}
        died = payload.get("errorType") == "Runtime.ExitError"
        records = event["Records"]
        received = [record["attributes"]["ApproximateReceiveCount"] for record in records]
        active.invoked(
            invocations=1,
            messages=len(records),
            redelivered=sum(count != "1" for count in received),
            killed=int(died),
            messagesOfKilled=len(records) if died else 0,
        )
        return result

    def _kill(self, request_id: str) -> None:
        with self._state_lock:
            process = self._proc
            if self._current_request_id == request_id and process is not None:
                process.kill()


def flush_logs() -> None:
    """Puts into the log what idle environments have written since their last invocation ended.

    MiniStack gathers the lines of an invocation for a moment, and what comes later at the next one.
    """
    with lambda_runtime._lock:
        workers = [worker for pool in lambda_runtime._workers.values() for worker in pool]
    for worker in workers:
        if isinstance(worker, Mortal) and not worker.in_use and (left := worker._drain_stderr()):
            contextvars.copy_context().run(_log, worker.config, left)


def _log(config: dict[str, Any], lines: str) -> None:
    account, region = lambda_runtime._account_region_from_function_config(config)
    responses._request_account_id.set(account)
    responses._request_region.set(region)
    lambda_svc._emit_lambda_logs(config, "late", lines, False, 0)
