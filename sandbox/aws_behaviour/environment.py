"""The environment MiniStack runs in: loopback, IAM enforced, nothing kept on disk."""

from __future__ import annotations

import os
import tempfile

DELAY_VARIABLE = "SANDBOX_REPLICATION_DELAY_SECONDS"
DEFAULT_DELAY_SECONDS = 0.3
WEATHER_VARIABLE = "SANDBOX_WEATHER"
HOST = "127.0.0.1"

# Settings of the caller that would reach MiniStack or its functions: real
# credentials would become root keys, another endpoint would be called.
_FOREIGN_PREFIXES = ("AWS_", "MINISTACK_", "S3_", "STATE_", "SFTP_", "IOT_")


def prepare(port: int, directory: str, log_level: str) -> None:
    """Sets the environment MiniStack reads at import; `directory` takes all it writes."""
    for name in list(os.environ):
        if name.startswith(_FOREIGN_PREFIXES):
            del os.environ[name]
    os.environ.update(
        {
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": "test",
            # MiniStack hands it to the functions, which would call AWS itself otherwise.
            "AWS_ENDPOINT_URL": f"http://{HOST}:{port}",
            "AWS_SECRET_ACCESS_KEY": "test",
            "BIND_HOST": HOST,
            # A socket that does not exist: MiniStack then looks for no containers.
            "DOCKER_HOST": f"unix://{directory}/no-docker.sock",
            "GATEWAY_PORT": str(port),
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": log_level,
            "PERSIST_STATE": "0",
            "S3_DATA_DIR": f"{directory}/s3",
            "S3_PERSIST": "0",
            "SFTP_ENABLED": "0",
            "STATE_DIR": f"{directory}/state",
            "TMPDIR": directory,
            "USE_SSL": "0",
        }
    )
    tempfile.tempdir = directory
