"""`orbcast` without its import time: each command is a fork of a process that has imported it.

Run as a module, this file is that process. A program named ``orbcast``, first on the path of a
page's terminal, passes its arguments, environment, folder and streams to it, forwards signals, and
ends as the fork ends. Nothing but imports happens before the fork.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT

IMPORTED = (
    "deployments.serving.warm_imports",
    "deployments.cli.app",
    "deployments.serving.prefect_server.session",
    "deployments.serving.prefect_server.runs",
    "flows.check_drift",
    "flows.nightly_retrain",
    "flows.walk_forward",
    "matplotlib.figure",
    "rich.table",
    "scipy.stats",
)
"""Modules that commands import on demand; none of them starts a thread or reads a setting."""

BELOW_A_SHELL = ("bash", "-c", '"$0" "$@"; exit $?')
"""Runs a command below a shell: a reader's commands run below one, and completion depends on it,
but the process that runs the tests need not be below a shell."""

PROGRAM = """\
#!{python} -IS
import json, os, signal, socket, sys

request = json.dumps([sys.argv, os.getcwd(), dict(os.environ)]).encode()
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [len(request).to_bytes(8)], [0, 1, 2])
    server.sendall(request)
    answer = server.makefile("rb")
    command = int(answer.readline())
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(command, number))
    status = int(answer.readline())
if status < 0:
    signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
sys.exit(status)
"""


@contextlib.contextmanager
def forked_commands(folder: Path) -> Iterator[Path]:
    """Start the process to fork; yield the folder of the program to put on the path."""
    address = folder / "address"  # a socket's path may have 107 bytes
    program = folder / "programs" / "orbcast"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM.format(python=sys.executable, address=str(address)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    environment = {name: value for name, value in os.environ.items() if not _is_ours(name)}
    server = subprocess.Popen(
        [*BELOW_A_SHELL, sys.executable, "-m", "tests.docs.forked_commands", str(address)],
        cwd=PROJECT,
        env={**environment, "PREFECT_HOME": str(folder / "prefect")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        assert server.stdout.readline() == b"ready\n"
        yield program.parent
    finally:
        server.stdin.close()  # this ends it
        server.stdout.close()
        server.wait()


def _is_ours(name: str) -> bool:
    return name.startswith(("ORBCAST_", "PREFECT_"))


def _serve(address: str) -> None:
    """Fork for each request, for ever; return in the process of a command."""
    _import_everything()
    assert threading.active_count() == 1, threading.enumerate()
    gc.freeze()  # memory that is never touched is not copied to the forks
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        listening.listen()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            if sys.stdin in select.select([sys.stdin, listening], [], [])[0]:
                os._exit(0)  # quietly, like a command; see below
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                with connection:
                    _attend(connection)
                return
            connection.close()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _attend(connection: socket.socket) -> None:
    """Fork the command and report its end; return in the process of the command."""
    length, streams, *_ = socket.recv_fds(connection, 8, 3)
    with connection.makefile("rb") as incoming:
        request = incoming.read(int.from_bytes(length))
    command = os.fork()
    if command == 0:
        _become(*json.loads(request), streams)
        return
    for stream in streams:
        os.close(stream)
    connection.sendall(f"{command}\n".encode())
    ended = os.pidfd_open(command)
    if ended not in select.select([ended, connection], [], [])[0]:
        os.kill(command, signal.SIGKILL)  # like the waiting program, which was killed
    _, status = os.waitpid(command, 0)
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _become(
    arguments: list[str], folder: str, environment: dict[str, str], streams: list[int]
) -> None:
    """Set what a process gets at its start: arguments, folder, environment and streams."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv = arguments
    if any(name.startswith("PREFECT_") for name in environment):
        _read_prefect_settings()  # others prepare the environment first, if they need Prefect


def _import_everything() -> None:
    """Import what commands import; Prefect must read its settings again afterwards."""
    import tasks.runs.environment as module  # noqa: PLC0415 - only in the forked process

    prepare = module.prepare_environment

    def prepare_and_read(*given: Any, **more: str) -> None:
        prepare(*given, **more)
        _read_prefect_settings()

    module.prepare_environment = prepare_and_read
    for name in IMPORTED:
        importlib.import_module(name)


def _read_prefect_settings() -> None:
    from prefect.context import refresh_global_settings_context  # noqa: PLC0415 - the same
    from prefect.logging.configuration import setup_logging  # noqa: PLC0415

    refresh_global_settings_context()
    setup_logging()


def _run() -> None:
    """Run the command line and end like the interpreter, without touching shared objects."""
    from deployments.cli.app import main  # noqa: PLC0415 - the same

    status = 1
    try:
        main()
    except SystemExit as end:
        status = int(end.code or 0)
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _serve(sys.argv[1])
    _run()
