"""A canary in each place of a secret: it must be in no output, log, traceback or file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app
from ml_core.secrets import masked
from tasks.notices.error_words import scrubbed
from tests.conftest import PROJECT

CANARY = "canary7f3a9c"

PLACES = {
    "password": ("ORBCAST_DATABASE_URL", f"postgresql://ann:{CANARY}@127.0.0.1:9/o"),
    "unescaped @": ("ORBCAST_DATABASE_URL", f"postgresql://ann:a@{CANARY}@127.0.0.1:9/o"),
    "unescaped /": ("ORBCAST_DATABASE_URL", f"postgresql://ann:a/{CANARY}@127.0.0.1:9/o"),
    "unescaped ?": ("ORBCAST_DATABASE_URL", f"postgresql://ann:a?{CANARY}@127.0.0.1:9/o"),
    "unescaped :": ("ORBCAST_DATABASE_URL", f"postgresql://ann:a:{CANARY}@127.0.0.1:9/o"),
    "escaped": ("ORBCAST_DATABASE_URL", f"postgresql://ann:%40{CANARY}@127.0.0.1:9/o"),
    "query": ("ORBCAST_DATABASE_URL", f"postgresql://127.0.0.1:9/o?user=a&password={CANARY}"),
    "key's": ("ORBCAST_DATABASE_URL", f"postgresql://127.0.0.1:9/o?sslpassword={CANARY}"),
    "no driver": ("ORBCAST_DATABASE_URL", f"oracle://ann:{CANARY}@127.0.0.1:9/o"),
    "no URL": ("ORBCAST_DATABASE_URL", CANARY),
    "store's keys": ("ORBCAST_STORE", f"s3://id:{CANARY}@bars/x?endpoint_override=127.0.0.1:9"),
    "store's options": ("ORBCAST_STORE", f"s4://bars/x?secret_key={CANARY}"),
    "no store": ("ORBCAST_STORE", CANARY),
    "auth": ("ORBCAST_AUTH", f"ann:{CANARY}"),
    "auth alone": ("ORBCAST_AUTH", CANARY),
    "Prefect's login": ("PREFECT_API_URL", f"http://ann:{CANARY}@127.0.0.1:9/api"),
    "Prefect's token": ("PREFECT_API_URL", f"http://{CANARY}@127.0.0.1:9/api"),
    "Prefect's query": ("PREFECT_API_URL", f"http://127.0.0.1:9/api?token={CANARY}"),
}

COMMANDS = (
    ["status", "--market", "mgc"],
    ["status", "--market", "mgc", "--json"],
    ["verify"],
    ["predictions"],
    ["db", "upgrade"],
    ["models", "list"],
    ["bars", "status"],
    ["store", "status"],
)


def files_with_the_canary(home: Path) -> list[str]:
    return [
        str(path)
        for path in home.rglob("*")
        if path.is_file() and CANARY.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize("place", PLACES)
def test_no_command_shows_or_keeps_a_secret(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("ORBCAST_HOME", str(home))
    monkeypatch.setenv(*PLACES[place])
    for command in COMMANDS:
        for more in ([], ["--debug"]):
            done = CliRunner().invoke(app, [*command, *more])
            assert CANARY not in done.output, (command, more)
            assert done.exit_code in {0, 2, 3, 5}, (command, done.output)
            assert "internal error" not in done.output
            if not more:
                assert done.stderr.count("\n") <= 1, done.stderr
    assert files_with_the_canary(home) == []


@pytest.mark.slow
@pytest.mark.parametrize("place", ["Prefect's login", "Prefect's query"])
def test_no_run_shows_or_keeps_a_secret(place: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    clean = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
    environment = {**clean, "ORBCAST_HOME": str(home), **dict([PLACES[place]])}
    command = [sys.executable, "-m", "deployments.cli", "run", "log-outcomes", "--debug"]
    done = subprocess.run(
        command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert CANARY not in done.stdout + done.stderr
    assert files_with_the_canary(home) == []


@pytest.mark.parametrize(
    "text",
    [
        f"cannot reach http://u:p@{CANARY}@host/api",
        f"Client error '401' for url 'https://host/api?api_key={CANARY}&a=1'",
        f"connection failed: host=db password={CANARY} user=ann",
        f"ORBCAST_SECRET={CANARY}",
    ],
)
def test_what_is_a_secret_by_its_place_is_left_out_of_any_text(text: str) -> None:
    assert CANARY not in masked(text)
    assert CANARY not in scrubbed(text)


@pytest.mark.parametrize(
    "text",
    [
        "Look at http://127.0.0.1:4200 : runs, and http://127.0.0.1:5200/MGC/a.html",
        "sqlite:////home/ann@work/var/orbcast.sqlite",
        "mail ann@example.com about postgresql://127.0.0.1/orbcast",
        "author=ann, tokens=3, keyboard=de, a signature = none",
    ],
)
def test_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert masked(text) == text
