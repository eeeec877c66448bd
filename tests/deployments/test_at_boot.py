"""The files that start Orbcast at boot are valid for their system and name a real command."""

from __future__ import annotations

import configparser
import plistlib
import shlex
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments.cli.app import app

PROJECT = Path(__file__).resolve().parents[2]
AT_BOOT = PROJECT / "deployments" / "at_boot"
TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"


def by_systemd() -> list[str]:
    unit = configparser.ConfigParser(interpolation=None)
    unit.read_string((AT_BOOT / "orbcast.service").read_text("utf-8"))
    return shlex.split(unit["Service"]["ExecStart"])


def by_launchd() -> list[str]:
    agent = plistlib.loads((AT_BOOT / "com.orbcast.up.plist").read_bytes())
    assert agent["KeepAlive"]
    assert agent["RunAtLoad"]
    words: list[str] = agent["ProgramArguments"]
    return words


def by_task_scheduler() -> list[str]:
    task = ET.fromstring((AT_BOOT / "orbcast_task.xml").read_bytes())  # noqa: S314 - our own file
    assert task.find(f"{TASK}Triggers/{TASK}BootTrigger") is not None
    assert task.findtext(f"{TASK}Settings/{TASK}ExecutionTimeLimit") == "PT0S"
    words = shlex.split(task.findtext(f"{TASK}Actions/{TASK}Exec/{TASK}Arguments") or "")
    return shlex.split(words[-1])  # the command for the Linux shell inside it


@pytest.mark.parametrize(
    "started",
    [by_systemd(), by_launchd(), by_task_scheduler()],
    ids=["systemd", "launchd", "task"],
)
def test_it_starts_a_command_that_there_is(started: list[str]) -> None:
    program, *arguments = started
    scripts = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
    assert program.endswith(".venv/bin/orbcast")
    assert "orbcast" in scripts
    assert arguments[-1] == "up"
    result = CliRunner().invoke(app, [*arguments, "--help"])
    assert (result.exit_code, "scheduled flows" in result.stdout) == (0, True)


def test_each_file_is_named_on_the_page_that_describes_it() -> None:
    page = (PROJECT / "docs" / "operate.md").read_text("utf-8")
    for path in AT_BOOT.iterdir():
        assert f"deployments/at_boot/{path.name}" in page, path.name
