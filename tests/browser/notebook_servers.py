"""Servers of notebooks as child processes: JupyterLab and Voilà."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import xacct_kit

_START_SECONDS = 90.0
_SHARED = Path(xacct_kit.__file__).parent / "interactive" / "share"


@contextmanager
def serving(module: str, *options: str, home: Path) -> Iterator[str]:
    """Serve by a module until it is not needed; its settings and logs are in a folder of its own."""
    port = _free_port()
    quiet = ("--no-browser", "--IdentityProvider.token", "") if module == "jupyterlab" else ()
    command = [sys.executable, "-m", module, *options, *quiet, f"--port={port}"]
    log = home / f"{module}.log"
    environment = {
        **os.environ,
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_PATH": str(_SHARED),
        "JUPYTER_PLATFORM_DIRS": "1",
    }
    with log.open("w") as written:
        process = subprocess.Popen(command, cwd=home, env=environment, stdout=written, stderr=written)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/static/" if module == "voila" else f"{address}/api", process, log)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def serving_lab(home: Path) -> Iterator[str]:
    """The address of a JupyterLab with the notebooks of a folder."""
    settings = ("--ServerApp.root_dir", str(home), "--allow-root", "--expose-app-in-browser")
    with serving("jupyterlab", *settings, home=home) as address:
        yield f"{address}/lab/tree/notebooks"


def serving_app(notebook: Path, home: Path) -> AbstractContextManager[str]:
    """The address of a notebook as an app, without its code."""
    return serving("voila", str(notebook), "--no-browser", "--template=xacct", home=home)


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def _wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until something answers, whatever it says."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(address, timeout=5):
                return
        except URLError as error:
            if getattr(error, "code", None):
                return
            time.sleep(0.2)
    raise AssertionError(f"{process.args} does not serve:\n{log.read_text()}")
