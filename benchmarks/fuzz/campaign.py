"""A campaign on one parser, in a separate process, which an input may end at any time."""

from __future__ import annotations

import argparse
import hashlib
import random
import resource
import traceback
from collections.abc import Iterator
from pathlib import Path

from benchmarks.fuzz.targets import TARGETS, NoGoodEndError, try_one

MOST_MEMORY_MB = 600
"""Memory that an input of some kilobytes may add to the process."""

LONGEST_INPUT = 1 << 17
_PER_SEED = 200

TOKENS: tuple[bytes, ...] = (
    b"nan", b"inf", b"-inf", b"1e999", b"-0", b"0", b"9" * 25, b"9" * 5_000, b"1_000", b"0x1f",
    b"1e-320", b"9223372036854775807", b"-9223372036854775808", b"18446744073709551616",
    b"2024-02-30", b"0000-00-00", b"9999-12-31T23:59", b"10000-01-01", b"24:00", b"23:59:60",
    b"2024-03-10T02:30", b"+25:00", b"Z", b"1705412400", b"1705412400000000000", b"right/UTC",
    b'"', b"'", b'""', b'"""', b",", b";", b"\t", b"\r", b"\n", b"\r\n", b"\0", b"\\", b"\xff",
    b"\xef\xbb\xbf", b"\xff\xfe", b"\xc2\xa0", b"[" * 2_000, b"{" * 2_000, b"]", b"}", b"a.b.c=1",
    b"= ", b"#", b"true", b"null", b"None", b"[[mgc]]", b"[mgc]", b"{}", b"[]", b"\\ud800",
    b'"\\ud800"', b"%", b"%s", b"{0}", b"../..", b"/dev/zero", b"a" * 70, b"(a+)+$",
    b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\0\0\0\x80",
    b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\x01",
)  # fmt: skip
"""Values that often break parsers."""


def mutated(content: bytes, others: list[bytes], choose: random.Random) -> bytes:
    """Return an input with a few inserted faults."""
    made = bytearray(content)
    for _ in range(1 + int(choose.expovariate(0.7))):
        at, to = sorted((_place(made, choose), _place(made, choose)))
        to = min(to, at + choose.choice((1, 2, 8, 64, len(made))))
        match choose.randrange(8):
            case 0:
                made[at:at] = choose.choice(TOKENS)
            case 1:
                made[at:to] = choose.choice(TOKENS)
            case 2 if made:
                made[at % len(made)] ^= 1 << choose.randrange(8)
            case 3 if made:
                made[at % len(made)] = choose.randrange(256)
            case 4:
                del made[at:to]
            case 5:
                made[at:at] = made[at:to] * choose.choice((1, 2, 50))
            case 6:
                other = choose.choice(others)
                cut = choose.randrange(len(other) + 1)
                made[at:to] = other[cut : cut + choose.randrange(1, 200)]
            case _:
                made[at:at] = bytes(choose.randrange(256) for _ in range(choose.randrange(1, 9)))
    return bytes(made[:LONGEST_INPUT])


def _place(content: bytearray, choose: random.Random) -> int:
    """Return a position, more often near the ends, where headers and indices are."""
    length = len(content)
    if choose.random() < 0.2:
        return min(choose.randrange(64), length)
    if choose.random() < 0.2:
        return max(length - choose.randrange(64), 0)
    return choose.randrange(length + 1)


class Campaign:
    """A campaign that tries inputs of one target and stores findings in a folder.

    Parameters
    ----------
    name
        Name of the target.
    work
        Folder of findings and of the current input, which tells the parent what ended the process.
    """

    def __init__(self, name: str, work: Path) -> None:
        self.name, self.work = name, work
        self.tried = 0
        self._scratch = work / f"{name}.files"
        self._current = work / f"{name}.current"
        self._found = {path.name.split(".")[1] for path in work.glob(f"{name}.*.found")}

    def one(self, content: bytes) -> None:
        """Try an input, and store it if it ends in a way that is not allowed."""
        self._current.write_bytes(content)
        before = _most_memory_mb()
        try:
            try_one(self.name, content, self._scratch)
        except NoGoodEndError as error:
            self._keep(content, error)
        except Exception as error:  # noqa: BLE001 - any error from a parser is a finding
            self._keep(content, error)
        if (grown := _most_memory_mb() - before) > MOST_MEMORY_MB:
            self._keep(content, MemoryError(f"took {grown:.0f} MB"))
        self.tried += 1
        with (self.work / f"{self.name}.tried").open("ab") as tried:
            tried.write(b".")

    def _keep(self, content: bytes, error: Exception) -> None:
        """Store an input, one for each kind of end."""
        cause = error.__cause__ or error
        frames = traceback.extract_tb(cause.__traceback__)
        place = f"{frames[-1].filename}:{frames[-1].name}" if frames else ""
        way = f"{type(cause).__name__} {place} {frames[-1].line if frames else ''}"
        number = hashlib.sha256(way.encode()).hexdigest()[:12]
        if number in self._found:
            return
        self._found.add(number)
        (self.work / f"{self.name}.{number}.found").write_bytes(content)
        words = "".join(traceback.format_exception(error))
        (self.work / f"{self.name}.{number}.txt").write_text(words, "utf-8", "backslashreplace")


def _most_memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def inputs(name: str, seed: int) -> Iterator[bytes]:
    """Yield the valid inputs, then mutated ones without end."""
    sound = TARGETS[name].seeds()
    yield from sound
    choose = random.Random(seed)  # noqa: S311 - no secret
    while True:
        content = choose.choice(sound)
        for _ in range(_PER_SEED // len(sound) + 1):
            yield mutated(content, sound, choose)


def main() -> None:
    """Try one target until the process ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=list(TARGETS))
    parser.add_argument("work", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    campaign = Campaign(given.name, given.work)
    for content in inputs(given.name, given.seed):
        campaign.one(content)


if __name__ == "__main__":
    main()
