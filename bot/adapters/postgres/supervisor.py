"""Keeps one embedded server alive for as long as somebody owns it. Run as a program of its own.

Every process that uses the server holds a shared lock on ``owners.lock``; the kernel drops it
however that process ends, SIGKILL included. This program waits for the exclusive lock: having it
means that no owner is left, and the server is shut down. Until then a server that dies is started
again. It needs the standard library only and imports nothing of ours, so that it stays small.

    python supervisor.py FOLDER UID GID POSTGRES ARGUMENT...

UID and GID are -1 where the server runs as the same user.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

GIVE_UP_AFTER = 10
"""Starts in a row that failed at once, before the server ever stayed up: a lasting fault. After
a kill the old shared memory is held for about a second, which fails a few."""
STAYED_UP = 2.0
"""Seconds after which a start counts as one that worked."""
LONGEST_PAUSE = 5.0
_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0])
    uid, gid = int(arguments[1]), int(arguments[2])
    command = arguments[3:]
    single = open(folder / "supervisor.lock", "a+")  # noqa: SIM115, PTH123 (held until we end)
    try:
        fcntl.flock(single, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0  # another one is at work
    single.truncate(0)
    single.write(str(os.getpid()))
    single.flush()
    for name in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        # Ctrl-C in the owner's terminal is the owner's business; the lock tells when it has gone.
        signal.signal(name, signal.SIG_IGN)
    unowned = threading.Event()
    owners = os.open(folder / "owners.lock", os.O_RDWR)
    threading.Thread(target=_wait_unowned, args=(owners, unowned), daemon=True).start()
    return _supervise(command, uid, gid, unowned)


def _wait_unowned(owners: int, unowned: threading.Event) -> None:
    fcntl.flock(owners, fcntl.LOCK_EX)
    unowned.set()


def _supervise(command: list[str], uid: int, gid: int, unowned: threading.Event) -> int:
    failures = 0
    worked = False
    while not unowned.is_set():
        started = time.monotonic()
        server = _start(command, uid, gid)
        while server.poll() is None and not unowned.wait(0.05):
            pass
        if unowned.is_set():
            _stop(server)
            return 0
        if time.monotonic() - started > STAYED_UP:
            worked, failures = True, 0
        failures += 1
        if failures >= GIVE_UP_AFTER and not worked:
            return 1
        unowned.wait(min(0.1 * failures, LONGEST_PAUSE))
    return 0


def _start(command: list[str], uid: int, gid: int) -> subprocess.Popen[bytes]:
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    parent = os.getpid()

    def follow_parent_down() -> None:
        # Should this program be killed, the server shuts down cleanly rather than run on alone.
        if library is not None:
            library.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
            if os.getppid() != parent:
                os._exit(1)
        for name in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            signal.signal(name, signal.SIG_DFL)

    if uid < 0:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=follow_parent_down)
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=follow_parent_down,
        user=uid,
        group=gid,
        extra_groups=[],
    )


def _stop(server: subprocess.Popen[bytes]) -> None:
    """A fast shutdown; an immediate one, which recovers at the next start, if that hangs."""
    for how, patience in ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0)):
        if server.poll() is not None:
            return
        server.send_signal(how)
        try:
            server.wait(patience)
        except subprocess.TimeoutExpired:
            continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
