"""The supervisor: starts, restarts and stops the Prefect server and the runner."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from deployments.disk_space import require_room
from deployments.http_guard import names_of
from deployments.serving.child_process import ChildProcess, end_left_behind, note_children
from deployments.serving.ports import HOST, PREFECT_SERVER, require_free
from deployments.serving.prefect_server.health import is_healthy, wait_until_healthy
from deployments.serving.prefect_server.session import SERVER_FILE
from deployments.serving.report_server import serve_reports
from ml_core.errors import OperatorError
from ml_core.files import written_atomically
from ml_core.toml_file import parse_toml
from tasks import notices
from tasks.data.market_definition import note_definitions
from tasks.runs.environment import prepare_environment, server_environment
from tasks.settings import Settings, now

STOP_WITHIN_SECONDS = 4.0
"""Time that server and runner each have to stop, so that everything stops within ten seconds."""

NOTIFY_AFTER_DEATHS = 4
"""Deaths in a row after which a notification is sent."""

REPORTS_PORT_OFFSET = 1000
"""Distance from the server's port to the reports' port."""

BARS_PORT_OFFSET = 2000
"""Distance from the server's port to the port for pushed bars."""

_LAST_PORT = 65535
_LONGEST_ADDRESS = 103
"""Longest path of a socket, in bytes: macOS takes 103, Linux 107."""

_SOCKET_IN_FOLDER = "/pymp-12345678/listener-12345678"
"""Path of the fork server's socket within the folder for temporary files."""

_RUNNER_FOLDERS = ("pymp-*", "runner_storage/*")
"""Folders that each runner creates, removes at its end, and leaves if it is killed."""

_LOOK_EVERY_SECONDS = 0.25


class AlreadyUpError(OperatorError):
    """`orbcast up` already runs for this home."""

    home: str
    template = "`orbcast up` is running for {home} already; use it, or stop it first"


class ChildDiedError(OperatorError):
    """The server did not start."""

    name: str
    status: int | None
    log: str
    template = "the {name} {_how}; the end of its log says why: {log}"

    @property
    def _how(self) -> str:
        return "does not answer" if self.status is None else f"ended with status {self.status}"


def supervise(settings: Settings, port: int, say: Callable[[str], None] = print) -> int:
    """Run server and runner until SIGINT or SIGTERM; return the exit status.

    Parameters
    ----------
    settings
        Settings; their home holds Prefect's database and the logs.
    port
        Port of the server, on the loopback only.
    say
        Prints a line for the user.

    Raises
    ------
    PortInUseError, AlreadyUpError, ChildDiedError, NoRoomError, NotWritableError
        The operator must act.
    """
    require_room(settings.home)
    for name in settings.markets:
        settings.market(name)  # a wrong name is reported at once, not in a log
    settings.database()
    note_definitions(settings, now())
    settings.prefect_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(settings.prefect_dir / "up.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise AlreadyUpError(str(settings.home)) from None
    try:
        with temporary_folder() as folder:
            return _Supervisor(settings, port, say, folder).run()
    finally:
        (settings.prefect_dir / SERVER_FILE).unlink(missing_ok=True)
        lock.release()


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder for the runner's temporary files; remove it with what killed runs left in it.

    It is in the machine's temporary folder (``TMPDIR``), or in ``/tmp`` if that path is too long
    for the socket of the fork server.
    """
    fits = len(os.fsencode(tempfile.gettempdir() + "/orbcast-12345678" + _SOCKET_IN_FOLDER))
    place = None if fits <= _LONGEST_ADDRESS else "/tmp"  # noqa: S108 - only we can read it
    with tempfile.TemporaryDirectory(
        prefix="orbcast-", dir=place, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


class _Supervisor:
    def __init__(
        self, settings: Settings, port: int, say: Callable[[str], None], temporary: Path
    ) -> None:
        self._settings, self._say = settings, say
        self._temporary = temporary
        self._api = f"http://{HOST}:{port}/api"
        self._port = port
        logs = settings.home / "logs"
        serve = ("-m", PREFECT_SERVER, "port", str(port))
        self._server = ChildProcess("server", serve, logs / "server.log", signal.SIGTERM)
        self._runner = ChildProcess(
            "runner",
            ("-m", "deployments.serving.runner"),
            logs / "runner.log",
            signal.SIGINT,
            {"TMPDIR": str(temporary)},
        )
        self._receiver = ChildProcess(
            "receiver of bars",
            ("-m", "deployments.bar_server", str(offset_port(port, BARS_PORT_OFFSET))),
            logs / "receiver.log",
            signal.SIGTERM,
        )
        self._sources_seen = -1
        self._stop = False
        self._reports = ""
        self._stop_reports: Callable[[], None] | None = None

    def run(self) -> int:
        before = [(signal_, signal.signal(signal_, self._on_signal)) for signal_ in _SIGNALS]
        try:
            self._start_all()
            while not self._stop:
                self._check_processes()
                time.sleep(_LOOK_EVERY_SECONDS)
        except ChildDiedError as error:
            self._notify(str(error), "is not started")
            raise
        finally:
            self._end()
            for signal_number, handler in before:
                signal.signal(signal_number, handler)
        self._say("Stopped.")
        return 0

    def _start_all(self) -> None:
        if left := end_left_behind(self._children_file):
            self._say(f"Ended {left} processes that an `orbcast up` before this one left behind.")
        require_free(self._port, "orbcast up --port 4201")
        self._reports = self._serve_reports()
        prepare_environment(
            self._settings,
            **server_environment(self._settings, HOST, self._port),
            ORBCAST_REPORTS_URL=self._reports,
        )
        self._say(f"Starting the Prefect server on {HOST}:{self._port} (about 15 s) ...")
        self._start(self._server)
        self._start(self._runner)  # it imports in the meantime and waits for the server
        outlooks = self._outlooks()
        if not self._wait_for_server():
            return
        with written_atomically(self._settings.prefect_dir / SERVER_FILE) as temporary:
            noted = {"api": self._api, "reports": self._reports, "pid": os.getpid()}
            temporary.write_text(json.dumps(noted), "utf-8")
        self._say(f"Look at http://{HOST}:{self._port} : runs, deployments, and Run to start one.")
        if self._reports:
            self._say(f"The reports that it links to are at {self._reports} .")
        self._say(f"Markets: {', '.join(self._settings.markets)}. Home: {self._settings.home}")
        self._say(f"Logs: {self._settings.home / 'logs'}. Ctrl-C stops everything.")
        for line in outlooks:
            self._say(line)

    def _outlooks(self) -> list[str]:
        """Return a line on each market's next opening ranges; none if that is not known."""
        command = [sys.executable, "-m", "deployments.outlook_lines", *self._settings.markets]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        return ended.stdout.splitlines()

    def _serve_reports(self) -> str:
        """Serve the reports folder; return its address, empty if the port is taken."""
        folder, port = self._settings.reports_dir, reports_port(self._port)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            url, self._stop_reports = serve_reports(
                folder,
                self._settings.figures_file,
                HOST,
                port,
                self._settings.auth.get_secret_value(),
                names_of(self._settings),
            )
        except OSError:
            self._say(f"Port {port} is taken: artifacts give the paths of reports, and no links.")
            return ""
        return url

    def _wait_for_server(self) -> bool:
        """Wait until the server answers; return False if asked to stop before that."""
        up = wait_until_healthy(self._api, lambda: self._stop or self._server.status() is not None)
        if not up and not self._stop:
            raise ChildDiedError("server", self._server.status(), str(self._server.log))
        return not self._stop

    def _check_processes(self) -> None:
        """Restart dead processes; the runner only once the server answers."""
        for child in (self._server, self._runner):
            status = child.status()
            if child.running and status is not None:
                wait = child.note_death()
                if child is self._runner:
                    self._remove_runner_folders()
                self._say(
                    f"The {child.name} ended with status {status}; started again in {wait:.0f} s."
                )
                if child.deaths == NOTIFY_AFTER_DEATHS:
                    self._notify(
                        f"the {child.name} died {child.deaths} times in a row, last with status "
                        f"{status}; the end of its log says why: {child.log}",
                        "is started again every minute",
                    )
            elif child.may_start and (child is self._server or is_healthy(self._api)):
                self._start(child)
        self._check_receiver()

    def _remove_runner_folders(self) -> None:
        """Remove a dead runner's own folders: of the fork server's socket, and Prefect's storage.

        Other temporary files may belong to runs that are still alive.
        """
        for pattern in _RUNNER_FOLDERS:
            for folder in self._temporary.glob(pattern):
                shutil.rmtree(folder, ignore_errors=True)

    def _check_receiver(self) -> None:
        """Run the receiver of pushed bars while some market's standing source is http."""
        child, status = self._receiver, self._receiver.status()
        if child.running and status is not None:
            wait = child.note_death()
            self._say(f"The {child.name} ended; started again in {wait:.0f} s: see {child.log}")
        elif child.may_start and (child.deaths or self._sources_changed()) and self._pushed():
            self._start(child)
            port = offset_port(self._port, BARS_PORT_OFFSET)
            self._say(
                f"Bars of {', '.join(self._pushed())} are accepted at http://{HOST}:{port}/bars/ ."
            )

    def _sources_changed(self) -> bool:
        try:
            changed = self._settings.sources_file.stat().st_mtime_ns
        except FileNotFoundError:
            changed = 0
        before, self._sources_seen = self._sources_seen, changed
        return changed != before

    def _pushed(self) -> list[str]:
        """Return the served markets whose standing source is http."""
        try:
            sources = parse_toml(self._settings.sources_file.read_text("utf-8"))
        except (OSError, ValueError):
            return []  # commands that read a source report what is wrong with the file
        pushed = {
            name
            for name, source in sources.items()
            if isinstance(source, dict) and source.get("kind") == "http"
        }
        return [name for name in self._settings.markets if name in pushed]

    def _start(self, child: ChildProcess) -> None:
        child.start()
        note_children(self._children_file, [self._server, self._runner, self._receiver])

    def _notify(self, fault: str, what: str) -> None:
        """Send a notification from here, because no flow may be running that could."""
        notices.notify.notify(
            self._settings,
            "up",
            None,
            f"up {now():%Y-%m-%d %H}",
            f"Orbcast {what}",
            f"{fault}. Nothing is predicted, and no outcome logged, while it is down: "
            f"orbcast --home {self._settings.home} up",
        )

    def _end(self) -> None:
        """End the runner first, so that no run starts while the server stops."""
        for child in (self._receiver, self._runner, self._server):
            if child.running:
                self._say(f"Stopping the {child.name} ...")
            child.end(STOP_WITHIN_SECONDS)
        if self._stop_reports is not None:
            self._stop_reports()
        self._children_file.unlink(missing_ok=True)

    @property
    def _children_file(self) -> Path:
        return self._settings.prefect_dir / "children.json"

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stop = True


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def reports_port(port: int) -> int:
    """Return the port of the reports for a server's port: always the same, so that links last.

    >>> reports_port(4200), reports_port(65000)
    (5200, 64000)
    """
    return offset_port(port, REPORTS_PORT_OFFSET)


def offset_port(port: int, distance: int) -> int:
    """Return the port at a distance above another, or below it if that would be too high."""
    return port + distance if port + distance <= _LAST_PORT else port - distance
