"""Two hosts with a home each, one server, one PostgreSQL, one store: each host is lost in turn.

The hosts are network namespaces with names of their own; they reach the server, the database and
an S3-compatible store over a bridge, and share no folder but that of the trader's database. The
first is killed with SIGKILL in the middle of a retrain, after it has published new bars. The
other has to predict with the version that the first registered, and to finish the retrain. Then
the first returns, and the other is lost while a prediction waits there. Nothing may be lost or
done twice, and the versions must be those of an undisturbed home without a store.

    python -m benchmarks.two_hosts

It must run as root, to make the hosts (Linux, `ip` and `unshare`), needs the system's PostgreSQL
(`apt-get install postgresql iproute2`) and moto (in the dev group), and takes ten minutes.
The results are in docs/reliability.md.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from prefect.client.schemas.objects import FlowRun
from sqlalchemy.engine import URL

from benchmarks.lost_worker import LostWorkers, Workers, print_result
from benchmarks.soak.server import MARKET
from ml_core.decision.slot import Slot
from registry.bars.shared_lake import SharedLake
from tasks.data.shared_store import SharedStore
from tasks.runs.process_mark import LABEL
from tasks.settings import Settings
from tests.deployments.test_up import free_port
from tests.registry.conftest import _statement, started_server
from tests.registry.s3_server import KEYS, s3_server

BRIDGE, ADDRESS = "orbcast0", "10.77.0.1"
HOSTS = ("host-a", "host-b")
_SHARED = ("lake", "models", "studies")
_BARS_THEN = "trader-then.duckdb"
"""The trader's database at the time of the second retrain."""

_UNTIL_ENDED = 1500.0
_ROOT = Path(__file__).resolve().parents[1]


@contextlib.contextmanager
def network() -> Iterator[None]:
    """Make a bridge and a network namespace for each host."""

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    with contextlib.ExitStack() as made:
        ip("link", "add", BRIDGE, "type", "bridge")
        made.callback(ip, "link", "del", BRIDGE)
        ip("addr", "add", f"{ADDRESS}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for number, host in enumerate(HOSTS, 2):
            ip("netns", "add", host)
            made.callback(ip, "netns", "del", host)
            ip("link", "add", f"{host}0", "type", "veth", "peer", "name", "eth0", "netns", host)
            ip("link", "set", f"{host}0", "master", BRIDGE, "up")
            ip("-n", host, "addr", "add", f"10.77.0.{number}/24", "dev", "eth0")
            for device in ("eth0", "lo"):
                ip("-n", host, "link", "set", device, "up")
        yield


def relay(port: int, target: tuple[str, int] | str) -> None:
    """Pass connections to the bridge's address on to a server of this machine."""
    listener = socket.create_server((ADDRESS, port))
    kind = socket.AF_UNIX if isinstance(target, str) else socket.AF_INET

    def copy(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        while True:
            client, _ = listener.accept()
            server = socket.socket(kind)
            server.connect(target)
            for ends in ((client, server), (server, client)):
                threading.Thread(target=copy, args=ends, daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()


class Hosts(Workers):
    """Workers on hosts that have a network and a home of their own."""

    def __init__(
        self, folder: Path, port: int, clock: Path, urls: dict[str, str], store: str
    ) -> None:
        super().__init__(folder, port, clock, urls)
        self._store = store

    def environment(self) -> dict[str, str]:
        """Return the environment of the server, which uses no store."""
        return {**super().environment(), "ORBCAST_ALLOWED_HOSTS": ADDRESS}

    def home_of(self, host: str) -> Path:
        """Return the folder of a host's home."""
        return self.folder / host

    def environment_of(self, host: str) -> dict[str, str]:
        """Return the environment of every process of a host."""
        return {
            **self.environment(),
            **KEYS,
            "ORBCAST_HOME": str(self.home_of(host)),
            "ORBCAST_STORE": self._store.replace("127.0.0.1", ADDRESS),
            "ORBCAST_DATABASE_URL": f"postgresql+psycopg://orbcast@{ADDRESS}:5432/orbcast",
            "PREFECT_API_URL": f"http://{ADDRESS}:{self.port}/api",
            "NO_PROXY": f"{ADDRESS},127.0.0.1",
        }

    def begin_worker(self, name: str) -> None:
        """Start a worker on a host; its home has the trader's settings, and what it had before."""
        home = self.home_of(name)
        home.mkdir(exist_ok=True)
        shutil.copy(self.home / "sources.toml", home)
        inner = f'hostname {name}; exec "$0" -m deployments.distributed.worker --name {name}'
        command = ("ip", "netns", "exec", name, "unshare", "--uts", "sh", "-c", inner)
        command = (*command, sys.executable)
        self._workers[name] = self._started(name, command, self.environment_of(name))

    def command_on(self, host: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Orbcast on a host."""
        return subprocess.run(
            ["ip", "netns", "exec", host, sys.executable, "-m", "deployments.cli", *words],
            env=self.environment_of(host),
            cwd=Path(__file__).resolve().parents[1],
            capture_output=True,
            text=True,
            check=False,
        )

    def started_run(self, flow: str) -> tuple[FlowRun, str] | None:
        """Return the run of a flow that a host has begun, and the host; None without one."""
        for run in self.busy():
            if LABEL in run.labels and run.start_time and run.name.split()[1:2] == [flow]:
                return run, str(run.labels[LABEL]).split('"')[1]
        return None


class TwoHosts(LostWorkers):
    """The trial of two hosts."""

    def __init__(self, folder: Path, port: int, server: URL, store: str) -> None:
        super().__init__(folder, port, server)
        urls = self.workers.urls
        self.workers = self.server = Hosts(folder, port, self.world.clock, urls, store)
        self.settings = Settings(home=self.home, database_url=urls["orbcast"], store=store)

    def lake_number(self) -> int:
        """Return the number of the lake's state in force."""
        store = self.settings.object_store()
        assert store is not None
        lake = SharedLake(self.settings.database(), store, self.home / "lake")
        return lake.number(self.market.symbol)

    def versions(self) -> list[str]:
        """Return the name of every registered version, in order."""
        return [record.version for record in self.settings.models().versions()]

    def begun_on(self, flow: str) -> tuple[FlowRun, str]:
        """Wait until a host has begun a run of a flow."""
        self.until(lambda: self.workers.started_run(flow) is not None, f"{flow} has begun")
        begun = self.workers.started_run(flow)
        assert begun is not None
        return begun

    def try_it(self) -> None:
        """Lose each host in turn; check what is left."""
        first, second = HOSTS
        hosts = self.workers
        day = [slot for slot in self.slots if slot.trading_day == self.slots[-1].trading_day]
        hosts.begin_worker(first)
        self.until(lambda: hosts.works(first), f"{first} works")
        self.server.run("nightly-retrain", "first")
        registered = self.versions()
        champion = self.settings.models().find(self.market.symbol, "champion").version
        self.say(f"{first} registered {len(registered)} versions, {champion} is champion")

        self.world.set_clock(day[1].decision - timedelta(minutes=20))
        before = self.lake_number()
        self.server.start("nightly-retrain", "second")
        run, _ = self.begun_on("retrain")
        self.until(lambda: self.lake_number() > before, f"{first} has published the day's bars")
        hosts.begin_worker(second)
        hosts.lose(first)
        self.say(f"{first} is gone, in the middle of {run.name}")
        if self.versions() != registered:
            self.record.faults.append("the retrain had registered a version already")
        self.until(lambda: hosts.works(second), f"{second} works")

        self.world.set_clock(day[1].decision + timedelta(seconds=2))
        shutil.copy(self.world.trader, self.folder / _BARS_THEN)
        self.server.start("shadow-predict", str(day[1]), opening_range=day[1].opening_range)
        self.until(lambda: bool(self.rows_of(day[1])), f"{second} has predicted")
        self.until(lambda: hosts.state_of(run) == "Crashed", "the retrain is Crashed")
        self.until(lambda: len(self.versions()) > len(registered), f"{second} has registered")
        self.predicted_with(day[1], champion)

        hosts.begin_worker(first)
        self.until(lambda: hosts.works(first), f"{first} is back")
        run, host = self.predicting(day[2])
        hosts.lose(host)
        self.say(f"{host} is gone, in the middle of {run.name}")
        self.world.append_bars(day[2].decision)
        self.until(lambda: hosts.state_of(run) == "Crashed", "its run is Crashed")
        self.until(lambda: bool(self.rows_of(day[2])), "the other has predicted")
        self.await_end_of_runs()
        self.check(day[1:3])

    def await_end_of_runs(self) -> None:
        """Wait until nothing is under way but the watch of the feed, which starts every minute.

        What a lost worker had taken and not begun is ended after 15 minutes.
        """
        began = time.monotonic()
        while left := [run for run in self.workers.busy() if " feed " not in run.name]:
            if time.monotonic() - began > _UNTIL_ENDED:
                self.record.faults += [f"{run.name} is still {run.state_name}" for run in left]
                return
            time.sleep(2.0)
        self.say(f"nothing else is under way: after {time.monotonic() - began:.0f} s")

    def predicted_with(self, slot: Slot, version: str) -> None:
        """Note a fault unless the champion's row of a slot is of a version."""
        rows = [
            row.prediction
            for row in self.settings.ledger().settled(self.market.symbol)
            if row.prediction.role == "champion"
        ]
        used = {row.version for row in rows if row.opening_range == slot.opening_range}
        self.say(f"{slot}: predicted with {', '.join(map(str, used))}")
        if used != {version}:
            self.record.faults.append(f"{slot} was predicted with {used}, not with {version}")

    def check(self, slots: list[Slot]) -> None:
        """Look for anything that is lost, done twice, or different from an undisturbed home."""
        for slot in slots:
            rows = self.rows_of(slot)
            self.say(f"{slot}: {', '.join(rows)}")
            if len(rows) != 1:
                self.record.faults.append(f"{slot} has {len(rows)} rows")
        names = self.versions()
        self.say(f"versions: {', '.join(names)}")
        if len(names) != len(set(names)):
            self.record.faults.append("a version is registered twice")
        contents = []
        for host in HOSTS:
            for words in (("store", "pull"), ("verify",)):
                ended = self.workers.command_on(host, *words)
                self.say(f"{host}: {next(iter(ended.stdout.splitlines()), ended.stderr)}")
                if ended.returncode:
                    self.record.faults.append(f"{host}: {words}: {ended.stdout}{ended.stderr}")
            contents.append(_files_of(self.workers.home_of(host)))
        if contents[0] != contents[1]:
            self.record.faults.append("the hosts' homes differ in bars, versions or studies")
        self.say(f"both homes have the same {len(contents[0])} files")
        self._compare_with_undisturbed(names)
        self._look_for_orphans()

    def _compare_with_undisturbed(self, names: list[str]) -> None:
        """Retrain at the same times, on the bars of then, in one home without a store."""
        own = self.workers.environment()
        for name in ("ORBCAST_DATABASE_URL", "ORBCAST_STORE", "PREFECT_API_URL"):
            own.pop(name, None)
        home = self.folder / "undisturbed"
        own["ORBCAST_HOME"] = str(home)
        home.mkdir()
        source = (self.home / "sources.toml").read_text("utf-8")
        source = source.replace(self.world.trader.name, _BARS_THEN)
        (home / "sources.toml").write_text(source, encoding="utf-8")
        for at in sorted({record.created_at for record in self.settings.models().versions()}):
            words = [sys.executable, "-m", "deployments.cli", "run", "nightly-retrain"]
            words += ["--market", MARKET, "--param", f"as_of={at.isoformat()}"]
            subprocess.run(words, env=own, cwd=_ROOT, check=False, stdout=subprocess.DEVNULL)
        alone = [record.version for record in Settings(home=home).models().versions()]
        self.say(f"without a store: {', '.join(alone)}")
        if sorted(alone) != sorted(names):
            self.record.faults.append(f"an undisturbed home has {alone}")

    def _look_for_orphans(self) -> None:
        store = SharedStore(self.settings)
        named = {f"{each.name}/{each.digest}" for each in store.objects([])}
        there = set(store.store.objects(""))
        self.say(f"objects: {len(there)}, of which nothing names {len(there - named)}")
        self.record.faults += [f"{key} is missing" for key in sorted(named - there)]


def _files_of(home: Path) -> dict[str, bytes]:
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for folder in _SHARED
        for path in (home / folder).rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def main() -> None:
    """Run the trial and print the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="keep the folder with its logs")
    keep = parser.parse_args().keep
    # whatever it started ends with it, however it ends
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    os.environ.update(KEYS)
    folder = Path(tempfile.mkdtemp(prefix="orbcast-hosts-"))
    began, port = time.monotonic(), free_port()
    with contextlib.ExitStack() as stack:
        stack.enter_context(network())
        url, _ = stack.enter_context(started_server("orbcast", of_system=True))
        store = stack.enter_context(s3_server(folder / "s3.log"))
        for name in ("orbcast", "prefect"):
            _statement(url, f"CREATE DATABASE {name}")
        query = {str(key): str(value) for key, value in url.query.items()}
        relay(5432, f"{query['host']}/.s.PGSQL.{query['port']}")
        s3_port = int(store.partition("127.0.0.1:")[2].partition("&")[0])
        for own in (port, s3_port):
            relay(own, ("127.0.0.1", own))
        campaign = TwoHosts(folder, port, url, store)
        stack.callback(lambda: campaign.settings.database().close())  # it would not end before
        campaign.prepare()
        stack.enter_context(campaign.server.up())
        campaign.try_it()
    raise SystemExit(print_result(campaign.record, folder, began, keep=keep))


if __name__ == "__main__":
    main()
