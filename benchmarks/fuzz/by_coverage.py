"""One parser under atheris, which searches for inputs that reach new code; it ends the process."""

from __future__ import annotations

import argparse
import importlib
import random
import sys
from pathlib import Path

atheris = importlib.import_module("atheris")
with atheris.instrument_imports(include=["ml_core", "tasks", "tomllib", "zipfile", "gzip", "csv"]):
    campaign = importlib.import_module("benchmarks.fuzz.campaign")


def main() -> None:
    """Try one target until the process ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name")
    parser.add_argument("work", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    corpus = given.work / f"{given.name}.corpus"
    corpus.mkdir(exist_ok=True)
    sound = campaign.TARGETS[given.name].seeds()
    for number, content in enumerate(sound):
        (corpus / f"sound{number}").write_bytes(content)

    def changed(content: bytes, most: int, number: int) -> bytes:
        if number % 2:
            return bytes(atheris.Mutate(content, most))
        choose = random.Random(number)  # noqa: S311 - no secret
        return bytes(campaign.mutated(content, sound, choose)[:most])

    options = (
        "-timeout=60",
        "-rss_limit_mb=4000",
        f"-seed={given.seed}",
        f"-max_len={campaign.LONGEST_INPUT}",
        f"-artifact_prefix={given.work / given.name}.",
    )
    tried = campaign.Campaign(given.name, given.work)
    atheris.Setup([sys.argv[0], *options, str(corpus)], tried.one, custom_mutator=changed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
