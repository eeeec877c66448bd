"""An S3-compatible server on this machine for the tests of the store."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.deployments.test_up import free_port
from tests.waiting import AT_MOST_SECONDS, wait_until

KEYS = {
    "AWS_ACCESS_KEY_ID": "ann",
    "AWS_SECRET_ACCESS_KEY": "secret-of-ann",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""Credentials, which the server takes as they are."""


@contextmanager
def s3_server(log: Path) -> Iterator[str]:
    """Start a server with an empty bucket; yield the URL of a prefix in it."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("ab") as file:
        server = subprocess.Popen(command, stdout=file, stderr=file)
    try:

        def responds() -> bool:
            assert server.poll() is None, log.read_text()[-2000:]
            try:
                return httpx.get(f"http://127.0.0.1:{port}/").status_code == 200
            except httpx.TransportError:
                return False

        wait_until(responds)
        bucket = urllib.request.Request(f"http://127.0.0.1:{port}/bars", method="PUT")
        with urllib.request.urlopen(bucket, timeout=AT_MOST_SECONDS):  # noqa: S310
            pass
        yield f"s3://bars/of/orbcast?endpoint_override=127.0.0.1:{port}&scheme=http&region=us-east-1"
    finally:
        server.terminate()
        server.wait(AT_MOST_SECONDS)
