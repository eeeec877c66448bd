"""What is done with a block that is neither a command nor a file: it is held to what is real."""

from __future__ import annotations

import json
import sqlite3
import tomllib
from collections.abc import Mapping
from contextlib import closing

from tests.docs.following import Check
from tests.docs.page import Step
from tests.docs.terminal import Terminal


def is_understood_by_the_database(step: Step, terminal: Terminal) -> str | None:
    """Ask the home's database; parameters are those of a reader who has taken nothing yet."""
    with closing(sqlite3.connect(terminal.folder / "var" / "orbcast.sqlite")) as database:
        try:
            database.execute(step.text, {"last_taken": 0}).fetchall()
        except sqlite3.Error as error:
            return f"the database does not understand it: {error}"
    return None


def is_json(step: Step, _terminal: Terminal) -> str | None:
    try:
        json.loads(step.text)
    except ValueError as error:
        return f"no JSON: {error}"
    return None


def is_taken_into_the_market_file(step: Step, terminal: Terminal) -> str | None:
    """Put the ranges that a page shows into the market file it made, and use that."""
    file = terminal.folder / "my-markets" / "es.toml"
    if set(tomllib.loads(step.text)) != {"ranges"}:
        return "is no part of a market file that is known here"
    before, _, after = file.read_text("utf-8").partition("[[ranges]]")
    file.write_text(before + step.text + after[after.index("[quality]") :], "utf-8")
    done = terminal.run("orbcast bars status --market es")
    return None if done.status == 0 else done.printed


CHECKS: Mapping[str, Check] = {
    "sql": is_understood_by_the_database,
    "json": is_json,
    "toml": is_taken_into_the_market_file,
}
