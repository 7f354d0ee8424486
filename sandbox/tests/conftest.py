"""One sandbox for all tests, started as users start it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cloud import Cloud
from running import Sandbox, start


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with start("--replication-delay", "0.2") as running:
        yield running


@pytest.fixture(scope="session")
def cloud(sandbox: Sandbox) -> Cloud:
    return Cloud(sandbox.url)
