"""Answers that fail, each in its service's own form, in front of MiniStack.

S3: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
KMS: https://docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html
Systems Manager: https://docs.aws.amazon.com/systems-manager/latest/APIReference/CommonErrors.html
EventBridge: https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aws_behaviour import faults
from aws_behaviour.faults import Fault

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Answer = tuple[int, list[tuple[bytes, bytes]], bytes]

CONTROL = "/_sandbox/faults"
# Longer than the function under test waits for one try.
HOLD_SECONDS = 4.5

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/")
_SERVICES = {"TrentService": "kms", "AmazonSSM": "ssm", "AWSEvents": "events"}

# The status and the code of each kind, by service; others answer as most do.
_CODES: dict[str, dict[str, tuple[int, str]]] = {
    "s3": {
        faults.THROTTLE: (503, "SlowDown"),
        faults.INTERNAL: (500, "InternalError"),
        faults.UNAVAILABLE: (503, "ServiceUnavailable"),
    },
    "kms": {
        faults.THROTTLE: (400, "ThrottlingException"),
        faults.INTERNAL: (500, "KMSInternalException"),
        faults.UNAVAILABLE: (503, "ServiceUnavailable"),
    },
    "ssm": {
        faults.THROTTLE: (400, "ThrottlingException"),
        faults.INTERNAL: (500, "InternalServerError"),
        faults.UNAVAILABLE: (503, "ServiceUnavailable"),
    },
    "events": {
        faults.THROTTLE: (400, "ThrottlingException"),
        faults.INTERNAL: (500, "InternalException"),
        faults.UNAVAILABLE: (503, "ServiceUnavailable"),
    },
}


def around(app: App) -> App:
    """The application with the faults in front of it."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await app(scope, receive, send)
        if scope["path"] == CONTROL:
            return await _send(send, await _control(scope["method"], receive))
        active = faults.current()
        call = operation(scope, active.function) if active else None
        if active is None or call is None:
            return await app(scope, receive, send)
        body = await _body(receive)
        request = b" ".join([scope["raw_path"], scope["query_string"], body])
        fault = active.answer(call, request)
        if fault is None:
            return await app(scope, _again(body, receive), send)
        return await _fail(app, scope, _again(body, receive), send, call, fault)

    return guarded


def operation(scope: Scope, function: str) -> str | None:
    """What is asked for, where the function asks: its role's session bears its name."""
    headers = {name.decode("latin-1").lower(): value for name, value in scope["headers"]}
    signed = _CREDENTIAL.search(headers.get("authorization", b"").decode("latin-1"))
    if signed is None or _session(signed[1]) != function:
        return None
    if target := headers.get("x-amz-target", b"").decode("latin-1"):
        service, _, name = target.partition(".")
        return f"{_SERVICES.get(service, signed[2])}:{name}"
    subresource = scope["query_string"].partition(b"=")[0].decode("latin-1")
    if scope["method"] == "HEAD":
        return "s3:HeadObject"
    if subresource == "encryption":
        name = {"GET": "GetBucketEncryption", "PUT": "UpdateObjectEncryption"}[scope["method"]]
        return f"s3:{name}"
    return f"{signed[2]}:{scope['method']}"


def _session(access_key: str) -> str | None:
    from ministack.services import sts

    session = sts._sessions.get(access_key)
    return session["Arn"].rpartition("/")[2] if session else None


async def _control(method: str, receive: Receive) -> Answer:
    if method == "PUT":
        wanted = json.loads(await _body(receive))
        faults.begin(wanted["seed"], wanted["function"])
    elif method == "DELETE":
        faults.end()
    # Not at the top: it is MiniStack's, which reads its settings when it is imported.
    from aws_behaviour import kills

    kills.flush_logs()
    body = json.dumps(faults.told().as_json()).encode()
    return 200, [(b"content-type", b"application/json")], body


async def _fail(
    app: App, scope: Scope, receive: Receive, send: Send, call: str, fault: Fault
) -> None:
    answer = await _answer(app, scope, receive) if fault.after else None
    if fault.kind == faults.TIMEOUT:
        await asyncio.sleep(HOLD_SECONDS)
        return _cut(send, b"")
    if fault.kind == faults.CUT:
        return _cut(send, b"" if answer is None else half(answer, scope["method"]))
    return await _send(send, refusal(call, fault.kind, scope["method"]))


def refusal(call: str, kind: str, method: str) -> Answer:
    """The answer of a service that throttles, or has a fault of its own."""
    service, request_id = call.partition(":")[0], str(uuid.uuid4())
    status, code = _CODES.get(service, _CODES["kms"])[kind]
    if service != "s3":
        headers = [
            (b"content-type", b"application/x-amz-json-1.1"),
            (b"x-amzn-requestid", request_id.encode()),
        ]
        told = json.dumps({"__type": code, "message": "a fault on demand"})
        return status, headers, told.encode()
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>a fault on demand</Message>"
        f"<RequestId>{request_id}</RequestId></Error>"
    ).encode()
    headers = [
        (b"content-type", b"application/xml"),
        (b"x-amz-request-id", request_id.encode()),
    ]
    return status, headers, b"" if method == "HEAD" else body


def half(answer: Answer, method: str) -> bytes:
    """An answer's bytes up to the middle of its body; of one without a body, of its headers."""
    status, headers, body = answer
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode("latin-1")]
    lines += [name + b": " + value for name, value in headers if name.lower() != b"content-length"]
    lines += [b"content-length: " + str(len(body)).encode()]
    head = b"\r\n".join(lines)
    if method == "HEAD" or not body:
        return head[: len(head) // 2]
    return head + b"\r\n\r\n" + body[: len(body) // 2]


def _cut(send: Send, written: bytes) -> None:
    """Writes these bytes and ends the connection. ASGI cannot; hypercorn's objects can."""
    stream = send.__self__  # type: ignore[attr-defined]
    transport = stream.send.__self__.send.__self__.writer.transport
    if written:
        transport.write(written)
    transport.abort()


async def _answer(app: App, scope: Scope, receive: Receive) -> Answer:
    """The application's answer, kept from the client."""
    status, headers, body = 500, list[tuple[bytes, bytes]](), bytearray()

    async def keep(message: dict[str, Any]) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status, headers = message["status"], list(message["headers"])
        elif message["type"] == "http.response.body":
            body.extend(message.get("body", b""))

    await app(scope, receive, keep)
    return status, headers, bytes(body)


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body.extend(message.get("body", b""))
        if not message.get("more_body"):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """What gives a body that has been read once more, and then what still comes."""
    given = False

    async def read() -> dict[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return read


async def _send(send: Send, answer: Answer) -> None:
    status, headers, body = answer
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
