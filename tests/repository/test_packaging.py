"""What is packed, what it says of itself, and that it works where there is no checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Mapping, Sequence
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from house import PACKAGE, ROOT, files, pyproject

import xacct_kit

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the files are those that git knows")

# What lies about where somebody works, and is nobody else's.
LYING_ABOUT = (
    ".env",
    "params/mine.local.yaml",
    "notebooks/runs/1_deploy_role/findings.jsonl",
    "notebooks/.ipynb_checkpoints/1_deploy_role-checkpoint.ipynb",
    "runs/a/findings.jsonl",
    "xacct_kit/__pycache__/params.cpython-311.pyc",
)
# Folders of the checkout that are in the package when it is installed.
CARRIED = ("notebooks/", "params/")
# What only whoever tests them needs.
LEFT = "notebooks/conftest.py"

WHEEL = f"xacct_kit-{xacct_kit.__version__}-py3-none-any.whl"
SDIST = f"xacct_kit-{xacct_kit.__version__}"
DIST_INFO = f"xacct_kit-{xacct_kit.__version__}.dist-info"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel and a source distribution, built in a checkout that somebody works in."""
    checkout, target = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    for name in files():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, checkout / name)
    for name in LYING_ABOUT:
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("mine", encoding="utf-8")
    build(checkout, target)
    return target


def build(checkout: Path, target: Path, *kinds: str) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(target), *kinds]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def packed(wheel: Path) -> Mapping[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_the_wheel_has_the_package_its_notebooks_and_params_and_nothing_else(built: Path) -> None:
    of_the_package = {name for name in files() if name.startswith(f"{PACKAGE.name}/")}
    carried = {f"{PACKAGE.name}/{name}" for name in files() if name.startswith(CARRIED) and name != LEFT}
    about = {f"{DIST_INFO}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")}
    assert packed(built / WHEEL).keys() == of_the_package | carried | about | {
        f"{DIST_INFO}/licenses/LICENSE"
    }


def test_the_notebooks_that_are_packed_are_notebooks_alone() -> None:
    carried = {Path(name).suffix for name in files() if name.startswith(CARRIED) and name != LEFT}
    assert carried == {".ipynb", ".yaml"}


def test_the_source_distribution_has_what_git_has(built: Path) -> None:
    with tarfile.open(built / f"{SDIST}.tar.gz") as archive:
        found = {name.removeprefix(f"{SDIST}/") for name in archive.getnames()}
    assert found == {*files(), "PKG-INFO"}


def test_a_wheel_of_the_source_distribution_is_the_same(built: Path, tmp_path: Path) -> None:
    with tarfile.open(built / f"{SDIST}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    build(tmp_path / SDIST, tmp_path, "--target", "wheel")
    assert packed(tmp_path / WHEEL) == packed(built / WHEEL)


# What it says of itself


@pytest.fixture(scope="session")
def metadata(built: Path) -> Message:
    return Parser().parsestr(packed(built / WHEEL)[f"{DIST_INFO}/METADATA"].decode())


def test_it_says_what_it_is(metadata: Message) -> None:
    project = pyproject()["project"]
    assert metadata["Name"] == "xacct-kit"
    assert metadata["Version"] == xacct_kit.__version__
    assert metadata["Requires-Python"] == project["requires-python"]
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata.get_all("Provides-Extra") == ["app", "dask", "dev"]
    extras = sum(map(len, project["optional-dependencies"].values()))
    assert len(metadata.get_all("Requires-Dist") or ()) == len(project["dependencies"]) + extras


def test_it_brings_the_command(built: Path) -> None:
    assert (
        packed(built / WHEEL)[f"{DIST_INFO}/entry_points.txt"].decode()
        == "[console_scripts]\nxacct = xacct_kit.cli:main\n"
    )


def test_the_changelog_tells_of_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## [{xacct_kit.__version__}] - 20" in changelog


# Where there is no checkout


@pytest.fixture(scope="session")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that the wheel is installed in, and that sees what the tests have."""
    home = tmp_path_factory.mktemp("stranger")
    venv.create(home, symlinks=True)
    paths = sysconfig.get_paths("venv", vars={"base": str(home), "platbase": str(home)})
    # Files of paths that lie at such a path are not read: a checkout that is installed there is not seen.
    (Path(paths["purelib"]) / "tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", f"{paths['scripts']}/python"]
    install = [
        *pip,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--ignore-installed",
        str(built / WHEEL),
    ]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Path(paths["scripts"])


def run(command: Sequence[str | Path], folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_imported_from_where_it_is_installed(installed: Path, tmp_path: Path) -> None:
    code = "import sys, xacct_kit; print(xacct_kit.__file__, *sys.path, sep='\\n')"
    place, *path = run([installed / "python", "-c", code], tmp_path).splitlines()
    assert Path(place).is_relative_to(installed.parent)
    assert str(ROOT) not in path


def test_its_command_runs_anywhere(installed: Path, tmp_path: Path) -> None:
    assert "Usage: xacct demo" in run([installed / "xacct", "demo", "--help"], tmp_path)
    shutil.copyfile(ROOT / "params" / "sandbox.yaml", tmp_path / "own.yaml")
    for profile in ("documented", "hardened", "swb-6.2.2"):
        template = run([installed / "xacct", "template", "own.yaml", "-p", f"profile={profile}"], tmp_path)
        assert "AWS::IAM::Role" in template


@pytest.mark.thorough
def test_its_demo_runs_anywhere(installed: Path, tmp_path: Path) -> None:
    told = run([installed / "xacct", "demo", "--out", "results"], tmp_path)
    assert "report.html" in told
    executed = {path.stem for path in (tmp_path / "results").glob("*.ipynb")}
    assert executed == {"1_deploy_role", "2_check_cost_explorer", "3_probe_permissions"}
