"""Steps of an experiment, done at an AWS or something that stands in for it.

A step is one call, or a message that is waited for; what it makes it takes away again at the end.
"""

from __future__ import annotations

import base64
import io
import json
import threading
import time
import zipfile
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from looking import ABSENT, NamelessError, UnexpectedError, at, check, filled_in, is_as

BETWEEN_LOOKS = 0.25
LONGEST_BETWEEN_LOOKS = 5.0
# What is taken away is gone already, or never was.
GONE = ("NoSuch", "NotFound", "NonExistent", "DoesNotExist", "404")


class CannotBeTriedError(Exception):
    """The implementation does not know the operation, or the client cannot send it."""


@dataclass
class Place:
    """Where the experiments run."""

    session: Any
    endpoint: str | None
    regions: dict[str, str]
    config: Any
    # The longest that anything is waited for; None: as long as the experiment says.
    patience: float | None
    _clients: dict[tuple[str, str, str], Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    credentials: dict[str, dict[str, str]] = field(default_factory=dict)
    # Set when nothing more is to be waited for.
    stopped: threading.Event = field(default_factory=threading.Event)

    def client(self, service: str, where: str, who: str) -> Any:
        """A client, made once: of an account's administrator, or of a role that was assumed."""
        with self._lock:
            found = self._clients.get((service, where, who))
            if found is None:
                found = self.session.create_client(
                    service,
                    region_name=self.regions[where],
                    endpoint_url=self.endpoint,
                    config=self.config,
                    **self.credentials.get(who, {}),
                )
                self._clients[service, where, who] = found
            return found

    def pause(self, seconds: float) -> None:
        if self.stopped.wait(seconds):
            raise UnexpectedError("it was stopped")

    def time_for(self, seconds: float) -> float:
        return seconds if self.patience is None else min(seconds, self.patience)


@dataclass
class Run:
    """One experiment under way: its names, what it saw, and what it has to take away."""

    place: Place
    names: dict[str, Any]
    seen: dict[str, Any] = field(default_factory=dict)
    undo: list[dict[str, Any]] = field(default_factory=list)

    def do(self, step: dict[str, Any]) -> None:
        """Does one step; `UnexpectedError` where it goes otherwise than expected."""
        if self.place.stopped.is_set():
            raise UnexpectedError("it was stopped")
        if "message" in step:
            self._message(step)
        elif "assume" in step:
            self._assume(step)
        else:
            self._call(step)

    def _call(self, step: dict[str, Any]) -> None:
        started = time.monotonic()
        deadline = started + self.place.time_for(step.get("within", 0))
        # What it makes may be there whatever the answer is.
        self.undo += step.get("undo", [])
        pause, repeated = BETWEEN_LOOKS, 0
        while True:
            # What is not known everywhere yet may come to nothing, and is not repeated by AWS.
            if "each_minute" in step and time.monotonic() - started >= 60 * repeated:
                self._again(step["each_minute"])
                repeated += 1
            try:
                answer = self._answer(step)
                check(filled_in(step.get("expect", {}), self.names), answer)
                break
            except UnexpectedError as unexpected:
                if time.monotonic() >= deadline:
                    raise UnexpectedError(f"{step['call']}: {unexpected}") from unexpected
            self.place.pause(pause)
            pause = min(pause * 1.5, LONGEST_BETWEEN_LOOKS)
        self._keep(step, answer)
        if "measure" in step:
            self.seen[step["measure"]] = round(time.monotonic() - started)

    def _again(self, step: dict[str, Any]) -> None:
        """What is done anew each minute may be refused as long as something is not known yet."""
        try:
            call(self.place, step, self.names)
        except ClientError as error:
            status = error.response["ResponseMetadata"].get("HTTPStatusCode") or 0
            if self.place.endpoint and status >= 500:
                raise CannotBeTriedError(f"{step['call']} broke with {status}") from error

    def _answer(self, step: dict[str, Any]) -> Any:
        """What the call answers: a refusal is an answer that may be expected."""
        refused = step.get("refused")
        try:
            answer = call(self.place, step, self.names)
        except ClientError as error:
            told = {"Code": str(error.response["Error"]["Code"]), **error.response["Error"]}
            told["Status"] = error.response["ResponseMetadata"].get("HTTPStatusCode")
            if refused is not None and is_as(refused, told["Code"]):
                return told
            if self.place.endpoint and (told["Status"] or 0) >= 500:
                raise CannotBeTriedError(f"{step['call']} broke with {told['Status']}") from error
            raise UnexpectedError(f"refused with {told['Code']}: {told.get('Message')}") from error
        if refused is not None:
            raise UnexpectedError(f"it was not refused with {json.dumps(refused)}")
        return answer

    def _keep(self, step: dict[str, Any], answer: Any) -> None:
        for name, pointer in step.get("keep", {}).items():
            found = at(pointer, answer)
            if found is ABSENT:
                raise UnexpectedError(f"{step.get('call', 'message')}: nothing at {pointer}")
            self.names[name] = found
        for label, pointer in step.get("see", {}).items():
            found = at(pointer, answer)
            self.seen[label] = None if found is ABSENT else found

    def _message(self, step: dict[str, Any]) -> None:
        """Waits for a message of a queue whose body, a document, is as `where` says.

        With `none`, that none comes in the time. Others are left for those who wait for them.
        """
        queue, where = filled_in([step["message"], step["where"]], self.names)
        region = step.get("at", "here")
        started = time.monotonic()
        seconds, repeated = self.place.time_for(step["within"]), 0
        while True:
            if "each_minute" in step and time.monotonic() - started >= 60 * repeated:
                self._again(step["each_minute"])
                repeated += 1
            for body in self._received(queue, region):
                if all(is_as(value, at(pointer, body)) for pointer, value in where.items()):
                    if step.get("none"):
                        raise UnexpectedError(f"a message came: {json.dumps(body)}")
                    check(filled_in(step.get("expect", {}), self.names), body)
                    self._keep(step, body)
                    if "measure" in step:
                        self.seen[step["measure"]] = round(time.monotonic() - started)
                    return
            if time.monotonic() - started >= seconds:
                break
            self.place.pause(BETWEEN_LOOKS)
        if not step.get("none"):
            raise UnexpectedError(f"no message with {json.dumps(where)} came in {seconds:g} s")

    def _received(self, queue: str, region: str) -> list[Any]:
        """All that has come to the queue so far, for all who wait at it."""
        inbox = _INBOXES.setdefault(queue, _Inbox())
        with inbox.lock:
            sqs = self.place.client("sqs", region, "administrator")
            asked = {"QueueUrl": queue, "MaxNumberOfMessages": 10, "WaitTimeSeconds": 1}
            for message in sqs.receive_message(**asked).get("Messages", []):
                handle = message["ReceiptHandle"]
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)
                inbox.bodies.append(json.loads(message["Body"]))
            return list(inbox.bodies)

    def _assume(self, step: dict[str, Any]) -> None:
        """From then on, `as` with the step's name means the role."""
        role = filled_in(step["assume"], self.names)
        sts = self.place.client("sts", "here", "administrator")
        deadline = time.monotonic() + self.place.time_for(step.get("within", 120))
        while True:
            try:
                answer = sts.assume_role(RoleArn=role, RoleSessionName="assumptions")
                break
            except ClientError as error:
                # The role is new, and trusts nobody yet.
                if time.monotonic() >= deadline:
                    raise UnexpectedError(f"AssumeRole of {role}: {error}") from error
                self.place.pause(LONGEST_BETWEEN_LOOKS)
        given = answer["Credentials"]
        self.place.credentials[step["called"]] = {
            "aws_access_key_id": given["AccessKeyId"],
            "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }

    def take_away(self) -> list[str]:
        """Undoes in reverse; says what could not be undone."""
        left = []
        while self.undo:
            step = self.undo.pop()
            try:
                call(self.place, step, self.names)
            except ClientError as error:
                if not any(word in error.response["Error"]["Code"] for word in GONE):
                    left.append(f"{step['call']} {json.dumps(step.get('input'))}: {error}")
            except NamelessError:
                continue
            except Exception as error:
                # The rest is taken away all the same.
                left.append(f"{step['call']} {json.dumps(step.get('input'))}: {error}")
        return left


class _Inbox:
    """What was received from one queue."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.bodies: list[Any] = []


_INBOXES: dict[str, _Inbox] = {}


def call(place: Place, step: dict[str, Any], names: dict[str, Any]) -> Any:
    """The answer of one operation, `service:Operation`, as plain data."""
    service, _, operation = step["call"].partition(":")
    who = step.get("as", "administrator")
    given = filled_in(step.get("input", {}), names)
    if step["call"] == "s3:EmptyBucket":
        return _empty(place, step, given)
    try:
        client = place.client(service, step.get("at", "here"), who)
        answer = client._make_api_call(operation, _with_bytes(given))
    except KeyError as error:
        raise CannotBeTriedError(f"{step['call']} is in no model: {error}") from error
    except BotoCoreError as error:
        raise CannotBeTriedError(f"{step['call']}: {error}") from error
    return _plain(answer)


def _with_bytes(value: Any) -> Any:
    """`{zip: {name: text}}` as the bytes of an archive."""
    if isinstance(value, dict):
        if set(value) == {"zip"}:
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as archive:
                for name, text in value["zip"].items():
                    archive.writestr(name, text)
            return packed.getvalue()
        return {name: _with_bytes(one) for name, one in value.items()}
    return value


def _plain(answer: Any) -> Any:
    """Without what no experiment is about; a body is read."""
    answer.pop("ResponseMetadata", None)
    for name, value in answer.items():
        if hasattr(value, "read"):
            answer[name] = value.read().decode("utf-8", errors="replace")
        elif isinstance(value, bytes):
            answer[name] = base64.b64encode(value).decode()
    return answer


def _empty(place: Place, step: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Deletes every version and delete marker of a bucket of the experiment's."""
    s3 = place.client("s3", step.get("at", "here"), "administrator")
    while True:
        page = s3.list_object_versions(Bucket=given["Bucket"], MaxKeys=500)
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if not found:
            return {}
        gone = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]
        answer = s3.delete_objects(Bucket=given["Bucket"], Delete={"Objects": gone, "Quiet": True})
        if answer.get("Errors"):
            raise RuntimeError(f"cannot delete {answer['Errors'][0]}")
