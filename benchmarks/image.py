"""Test the container image without an engine: run the Dockerfile's steps, Compose's services.

    python -m benchmarks.image [--keep FOLDER] [--share PATH ...]

Each stage of the Dockerfile is a separate Debian (debootstrap), in which its steps run. The result
then runs as in `compose.yaml`: read-only, as another user without capabilities, each service in
its own namespaces, with PostgreSQL beside them. Bars are ingested there, the worker runs flows,
and the peak memory of each service is measured. An engine, its network and its base images are not
tested.

It needs root, Linux, 4 GB of disk, about ten minutes, and `apt-get install debootstrap
postgresql`.
``--share`` names files and folders with which pip finds packages on this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import pwd
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import yaml

PROJECT = Path(__file__).resolve().parent.parent
CONTAINERS = PROJECT / "deployments" / "containers"
DEBIAN, PYTHON = "bookworm", "python3,python3-venv,ca-certificates"
SEARCHED = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SECRETS = {"POSTGRES_PASSWORD": "of-a-trial", "ORBCAST_AUTH": "ann:of-a-trial"}
MOST_SECONDS = 300.0

_CONTAINER = """
set -e
mount --bind {root} {at}
mount -o remount,bind,ro {at}
mount -t tmpfs tmpfs {at}/tmp
mount -t proc proc {at}/proc
mount --rbind /dev {at}/dev
mount --bind {home} {at}/home/orbcast/var
mount --bind {data} {at}/data
mount -o remount,bind,ro {at}/data
hostname {name}
exec chroot {at} setpriv --reuid=10001 --regid=10001 --clear-groups --bounding-set=-all \\
  --no-new-privs env -i {environment} sh -c 'cd /home/orbcast && exec "$@"' sh {command}
"""


@dataclass
class Stage:
    """One stage of the image while it is built."""

    root: Path
    shared: Sequence[Path]
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": SEARCHED})
    folder: str = "/"

    def run(self, command: str) -> None:
        """Run a shell command in the stage, as its root."""
        passed = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        environment = [f"{name}={value}" for name, value in {**passed, **self.environment}.items()]
        inner = f"cd {shlex.quote(self.folder)} && {command}"
        words = ("chroot", str(self.root), "env", "-i", *environment, "sh", "-c", inner)
        binds = []
        for path in self.shared:
            to = self.root / str(path).lstrip("/")
            to.mkdir(parents=True, exist_ok=True) if path.is_dir() else to.touch()
            binds.append(shlex.join(("mount", "--bind", str(path.resolve()), str(to))))
        script = " && ".join((*binds, shlex.join(words)))
        subprocess.run(["unshare", "--mount", "sh", "-c", script], check=True)

    def copy(self, words: Sequence[str], stages: Mapping[str, Stage], context: Path) -> None:
        """Run a COPY from the project or from another stage."""
        options = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
        *sources, to = [word for word in words if not word.startswith("--")]
        above = stages[options["from"]].root if "from" in options else context
        target = self.root / os.path.join(self.folder, to).lstrip("/")  # noqa: PTH118 - keeps the /
        for source in sources:
            origin = above / source.lstrip("/")
            if origin.is_dir():
                shutil.copytree(origin, target, symlinks=True, dirs_exist_ok=True)
            else:
                place = target / origin.name if to.endswith("/") else target
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(origin, place)
        if "chown" in options:
            self.run(f"chown -R {options['chown']} {shlex.quote(to)}")


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield a Dockerfile's instructions with their arguments."""
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for line in lines.replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word.upper(), rest.strip()


def build(base: Path, folder: Path, context: Path, shared: Sequence[Path]) -> Stage:
    """Run every step of the Dockerfile; return its last stage."""
    stages: dict[str, Stage] = {}
    stage = Stage(base, shared)
    for word, rest in instructions((CONTAINERS / "Dockerfile").read_text("utf-8")):
        print(f"  {word} {rest[:90]}", flush=True)
        match word:
            case "FROM":
                name = rest.partition(" AS ")[2] or str(len(stages))
                subprocess.run(["cp", "-a", base, folder / name], check=True)
                stage = stages[name] = Stage(folder / name, shared)
            case "ENV":
                for pair in shlex.split(rest):
                    name, _, value = pair.partition("=")
                    path = stage.environment["PATH"]
                    stage.environment[name] = value.replace("$PATH", path)
            case "WORKDIR":
                stage.folder = rest
                (stage.root / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
            case "RUN":
                stage.run(rest)
            case "COPY":
                stage.copy(shlex.split(rest), stages, context)
            case "USER" | "VOLUME" | "ENTRYPOINT" | "CMD":
                pass  # how to run the image: Compose's services define it
            case _:
                raise NotImplementedError(word)
    return stage


def debian(folder: Path) -> Path:
    """Make a small Debian with Python, like `python:3.11-slim`; return its root."""
    base = folder / "base"
    if base.exists():
        return base
    sources = [*Path("/etc/apt").glob("sources.list.d/*.sources"), Path("/etc/apt/sources.list")]
    lines = "\n".join(path.read_text("utf-8") for path in sources if path.exists())
    mirrors = re.findall(r"^(?:URIs:|deb) *(?:\[.*?\] *)?(\S+)", lines, re.MULTILINE)
    options = ("--variant=minbase", f"--include={PYTHON}")
    subprocess.run(["debootstrap", *options, DEBIAN, base, *mirrors[:1]], check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    (base / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    shutil.copy("/etc/resolv.conf", base / "etc/resolv.conf")
    return base


class Services:
    """The services of Compose's file, as processes of the image."""

    def __init__(self, root: Path, folder: Path, environment: Mapping[str, str]) -> None:
        self.root, self.folder, self.of_image = root, folder, environment
        self.file = yaml.safe_load((CONTAINERS / "compose.yaml").read_text("utf-8"))
        self.peaks: dict[str, float] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        (root / "data").mkdir(exist_ok=True)
        hosts = "".join(f"127.0.0.1 {name}\n" for name in ("localhost", *self.file["services"]))
        (root / "etc/hosts").write_text(hosts)
        self._home = folder / "home"
        self._home.mkdir(exist_ok=True)
        os.chown(self._home, 10001, 10001)
        self._data = folder / "data"
        self._data.mkdir(exist_ok=True)

    def start(self, name: str, words: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Start a service, or another command in a container of its kind."""
        service = self.file["services"][name]
        given = {**self.of_image, **_filled(service["environment"])}
        command = words or [*service["entrypoint"], *_filled(service["command"])]
        number = len(list(self.folder.glob("at-*")))
        at = self.folder / f"at-{number}"
        at.mkdir()
        script = _CONTAINER.format(
            root=self.root, at=at, home=self._home, data=self._data, name=name,
            environment=shlex.join(f"{key}={value}" for key, value in given.items()),
            command=shlex.join(command),
        )  # fmt: skip
        apart = ("unshare", "--mount", "--uts", "--pid", "--ipc", "--fork", "--kill-child")
        with (self.folder / f"{name}.log").open("ab") as log:
            child = subprocess.Popen([*apart, "sh", "-c", script], stdout=log, stderr=log)
        if not words:
            self._running[name] = child
        return child

    def ask(self, name: str, *words: str) -> None:
        """Run a command in a container of a service's kind until it ends."""
        child = self.start(name, words)
        end = time.monotonic() + MOST_SECONDS
        while child.poll() is None and time.monotonic() < end:
            self._measure()
            time.sleep(0.2)
        if child.returncode:
            log = (self.folder / f"{name}.log").read_text("utf-8", "replace")
            raise RuntimeError(f"{' '.join(words)} ended with {child.returncode}:\n{log[-3000:]}")

    def await_healthy(self, name: str) -> None:
        """Wait until a service's own health check passes."""
        check = self.file["services"][name]["healthcheck"]["test"][1:]
        end = time.monotonic() + MOST_SECONDS
        while self.start(name, check).wait():
            if time.monotonic() > end or self._running[name].poll() is not None:
                raise RuntimeError((self.folder / f"{name}.log").read_text("utf-8", "replace"))
            time.sleep(3.0)

    def stop(self) -> None:
        """End all running services."""
        for child in self._running.values():
            child.send_signal(signal.SIGKILL)
            child.wait()

    def _measure(self) -> None:
        for name, child in self._running.items():
            used = 0.0
            for process in psutil.Process(child.pid).children(recursive=True):
                try:
                    used += process.memory_full_info().pss / 1e6
                except psutil.Error:
                    continue
            self.peaks[name] = max(self.peaks.get(name, 0.0), used)


def _filled(value: Any) -> Any:
    """Return a part of Compose's file with its variables filled in."""
    if isinstance(value, dict):
        return {name: _filled(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_filled(part) for part in value]

    def of(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else SECRETS.get(match[1]) or (match[2] or "").lstrip("-")

    return re.sub(r"\$\$|\$\{(\w+)(?::(-[^}]*)|:\?[^}]*)?\}", of, str(value))


@contextmanager
def postgresql(folder: Path) -> Iterator[None]:
    """Run a server with the databases of Compose's PostgreSQL."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin/initdb")).parent
    data, secret = folder / "postgres", folder / "secret"
    data.mkdir()
    secret.write_text(SECRETS["POSTGRES_PASSWORD"])
    owner = pwd.getpwnam("postgres")
    for path in (data, secret):
        os.chown(path, owner.pw_uid, owner.pw_gid)
    who: dict[str, Any] = {
        "user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": [], "cwd": "/",
    }  # fmt: skip
    auth = ("-A", "scram-sha-256", "--pwfile", secret, "-U", "orbcast")
    subprocess.run(
        [programs / "initdb", "-D", data, *auth], check=True, capture_output=True, **who
    )
    command: list[str | Path] = [programs / "postgres", "-D", data, "-k", data, "-h", "127.0.0.1"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **who)
    reached = {**os.environ, "PGPASSWORD": SECRETS["POSTGRES_PASSWORD"]}
    psql: list[str | Path] = [programs / "psql", "-h", "127.0.0.1", "-U", "orbcast", "-q"]
    try:
        while subprocess.run([*psql, "-c", "", "postgres"], env=reached, check=False,
                             capture_output=True).returncode:  # fmt: skip
            time.sleep(0.2)
        subprocess.run(
            [*psql, "-c", "CREATE DATABASE orbcast", "postgres"], env=reached, check=True
        )
        first = CONTAINERS / "postgres-init.sql"
        subprocess.run([*psql, "-f", first, "orbcast"], env=reached, check=True)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def serve(root: Path, folder: Path, environment: Mapping[str, str]) -> None:
    """Run and use the services; print the measurements."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    services = Services(root, folder, environment)
    with postgresql(folder):
        try:
            services.start("server")
            services.await_healthy("server")
            services.ask("deploy", *_filled(services.file["services"]["deploy"]["entrypoint"]),
                         *_filled(services.file["services"]["deploy"]["command"]))  # fmt: skip
            services.start("worker")
            bars = ("simulate", "--days", "500", "--out", "/home/orbcast/var/bars.duckdb")
            services.ask("worker", "orbcast", *bars)
            source = ("--source", "duckdb", bars[-1], "--column", "contract=contract")
            services.ask("worker", "orbcast", "ingest", *source, "--remember")
            for flow in ("refresh-data/mgc", "nightly-retrain/mgc", "log-outcomes/mgc"):
                began = time.monotonic()
                services.ask("worker", "prefect", "deployment", "run", flow, "--watch")
                print(f"  {flow}: run by the worker in {time.monotonic() - began:.0f} s")
            for words in (("verify",), ("status",), ("models", "list", "--market", "mgc")):
                services.ask("worker", "orbcast", *words)
        finally:
            services.stop()
    for name, peak in services.peaks.items():
        print(f"  {name}: {peak:,.0f} MB at most")


def main() -> None:
    """Build the image's stages, then run Compose's services in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="folder to work in, not removed afterwards")
    parser.add_argument("--share", type=Path, nargs="*", default=[], help="seen in the Debian too")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    given = parser.parse_args()
    folder = (given.keep or Path(tempfile.mkdtemp(prefix="orbcast-image-"))).absolute()
    if given.serve:
        stage = json.loads(given.serve)
        serve(Path(stage["root"]), folder, stage["environment"])
        return
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)  # PostgreSQL runs as another user
    try:
        context = folder / "context"
        context.mkdir(exist_ok=True)
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=PROJECT, check=True,
                                 capture_output=True).stdout  # fmt: skip
        subprocess.run(["tar", "-x", "-C", context], input=archive, check=True)
        stage = build(debian(folder), folder, context, given.share)
        own = json.dumps({"root": str(stage.root), "environment": stage.environment})
        apart = ("unshare", "--net", "--mount", "--fork", "--kill-child", sys.executable)
        command = (*apart, "-m", "benchmarks.image", "--keep", str(folder), "--serve", own)
        subprocess.run(command, cwd=PROJECT, check=True)
    finally:
        if given.keep is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
