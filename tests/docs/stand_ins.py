"""The commands of a checkout, as far as they are not what they are called.

    python stand_ins.py COMMAND [ARGUMENT ...]

A server is started, seen to answer and ended. What would set up an environment has what it asks for checked.
What would run the tests, or change the repository, is asked what it would do.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]

# What `make` makes that is not made here, and why.
_NOT_MADE: Mapping[str, str] = {
    "test": "a test cannot run all tests",
    "check": "it is the first part of `make test`",
    "browser": "it installs a browser",
    "notebooks": "it changes the repository",
    "docs": "it changes the repository",
    "bench": "it takes minutes, and installs what the kit is measured against",
    "clean": "it removes what runs here",
}


def main(command: str, *arguments: str) -> int:
    """Do what stands for a command; its exit code."""
    stand_in = _STAND_INS.get(command)
    done = stand_in(arguments) if stand_in else None
    return _run(command, arguments) if done is None else done


def _run(command: str, arguments: Sequence[str]) -> int:
    """Run a command of the environment that the tests run in."""
    sys.stdout.flush()
    code = {
        "papermill": "from papermill.__main__ import papermill; papermill()",
        "xacct": "from xacct_kit.cli import main; main()",
    }.get(command)
    known = ["-c", code] if code else [] if command == "python" else ["-m", command]
    os.execv(sys.executable, [sys.executable, *known, *arguments])


def _xacct(arguments: Sequence[str]) -> int | None:
    return _sandbox(arguments) if arguments[:1] == ("sandbox",) else None


def _sandbox(arguments: Sequence[str]) -> int:
    """Serve the sandbox until something answers."""
    # The port of an example may be taken.
    anywhere = re.sub(r"(--port[ =])\d+", r"\g<1>0", " ".join(arguments)).split()
    command = [sys.executable, "-c", "from xacct_kit.cli import main; main()", *anywhere]
    served = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert served.stdout is not None
    exported = dict(served.stdout.readline().removeprefix("export ").strip().split("=", 1) for _ in range(5))
    sys.stdout.writelines(f"export {name}={value}\n" for name, value in exported.items())
    answers = _answers(exported["AWS_ENDPOINT_URL"])
    served.send_signal(signal.SIGINT)
    served.wait(timeout=30)
    return 0 if answers else 1


def _answers(address: str) -> bool:
    """Whether somebody answers, if only that it is not asked so."""
    try:
        with urlopen(address, timeout=60) as answer:
            return bool(answer.status == 200)
    except HTTPError as error:
        return error.code < 500


def _jupyter(arguments: Sequence[str]) -> int | None:
    """Serve JupyterLab until it shows the notebook."""
    if arguments[:1] != ("lab",):
        return None
    notebooks = [each for each in arguments[1:] if not each.startswith("-")]
    with _served("jupyterlab", f"--ServerApp.root_dir={Path.cwd()}", "--allow-root") as address:
        found = [_answers(f"{address}/api/contents/{notebook}?content=0") for notebook in notebooks]
    missing = [each for each in notebooks if not Path(each).exists()]
    return 0 if all(found) and not missing else 1


def _voila(arguments: Sequence[str]) -> int:
    """Serve the app until it shows its page."""
    placed = [str(Path(each).resolve()) if each.endswith(".ipynb") else each for each in arguments]
    with _served("voila", *placed) as address, urlopen(address, timeout=120) as page:
        return 0 if page.status == 200 else 1


@contextmanager
def _served(module: str, *options: str) -> Iterator[str]:
    sys.path.insert(0, str(ROOT / "tests" / "browser"))
    from notebook_servers import serving

    with TemporaryDirectory() as home, serving(module, *options, home=Path(home)) as address:
        yield address


def _make(arguments: Sequence[str]) -> int:
    dry = ["-n"] if set(arguments) & _NOT_MADE.keys() else []
    first, _, others = os.environ["PATH"].partition(os.pathsep)
    make = shutil.which("make", path=others) or f"{first}: there is no other make"
    return subprocess.run([make, *dry, *arguments], check=False).returncode


def _python(arguments: Sequence[str]) -> int | None:
    if arguments[:2] in (("-m", "pip"), ("-m", "pytest")):
        return {"pip": _pip, "pytest": _pytest}[arguments[1]](arguments[2:])
    return None


def _pytest(arguments: Sequence[str]) -> int:
    """What would be run must be there."""
    chosen = [each for each in arguments if each.startswith("tests")]
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *chosen]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode


def _pip(arguments: Sequence[str]) -> int:
    """What would be installed must be what the project offers."""
    asked = [each for each in arguments if each != "install" and not each.startswith("-")]
    return 0 if arguments[:1] == ("install",) and asked and all(map(_offered, asked)) else 1


def _offered(requirement: str) -> bool:
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    read = Requirement(re.sub(r"^\.", project["name"], requirement))
    return read.name == project["name"] and read.extras <= project["optional-dependencies"].keys()


def _conda(arguments: Sequence[str]) -> int:
    """The environment must be one; that it is that of pyproject.toml, other tests hold."""
    import yaml

    file = next((each for each in arguments if each.endswith(".yml")), "environment.yml")
    named = yaml.safe_load(Path(file).read_text(encoding="utf-8")).keys() >= {"name", "dependencies"}
    return 0 if named and arguments[:2] in (("env", "create"), ("env", "update")) else 1


_STAND_INS: Mapping[str, Callable[[Sequence[str]], int | None]] = {
    "conda": _conda,
    "jupyter": _jupyter,
    "make": _make,
    "pip": _pip,
    "pytest": _pytest,
    "python": _python,
    "voila": _voila,
    "xacct": _xacct,
}

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
