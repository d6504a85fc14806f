"""Rules of the whole repository that no single part can hold by itself."""

from __future__ import annotations

import ast
import re
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "xacct_kit"
MODULES = sorted(PACKAGE.rglob("*.py"))

# Lowest first. A part imports from itself and from the floors below it, not from its neighbours.
FLOORS = (
    {"errors"},
    {"param_types", "strict_json", "strict_yaml"},
    {"iam", "params", "report"},
    {"role", "aws"},
    {"sandbox", "steps"},
    {"environment", "fleet", "views"},
    {"runs"},
    {"interactive"},
    {"__init__"},
    {"demo"},
    {"cli"},
    {"__main__"},
)

each_module = pytest.mark.parametrize(
    "module", MODULES, ids=lambda module: module.relative_to(PACKAGE).as_posix()
)


def part_of(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def floor_of(part: str) -> int:
    return next((floor for floor, parts in enumerate(FLOORS) if part in parts), len(FLOORS))


@cache
def tree_of(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"), filename=str(module))


def run_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below, less what stands under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from run_time_nodes(child)


def imports_of(module: Path) -> Iterator[str]:
    """The dotted names that a module imports when it runs, at the top or inside a function."""
    package = (PACKAGE.name, *module.relative_to(PACKAGE).parent.parts)
    for node in run_time_nodes(tree_of(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def parts_imported(module: Path) -> set[str]:
    ours = (name.split(".") for name in imports_of(module) if name.split(".")[0] == PACKAGE.name)
    known = set().union(*FLOORS)
    return {names[1] if len(names) > 1 and names[1] in known else "__init__" for names in ours}


# The house


@each_module
def test_a_module_stands_on_a_floor(module: Path) -> None:
    assert part_of(module) in set().union(*FLOORS)


@each_module
def test_a_module_imports_only_from_below(module: Path) -> None:
    part = part_of(module)
    above = {other for other in parts_imported(module) if other != part and floor_of(other) >= floor_of(part)}
    assert not above, f"{part} imports {', '.join(sorted(above))}, which is not below it"


@each_module
def test_only_the_parts_that_call_aws_import_boto3(module: Path) -> None:
    if part_of(module) not in {"aws", "sandbox"}:
        assert "boto3" not in {name.split(".")[0] for name in imports_of(module)}


@each_module
def test_only_what_people_look_at_prints(module: Path) -> None:
    called = {ast.unparse(node.func) for node in ast.walk(tree_of(module)) if isinstance(node, ast.Call)}
    assert "print" not in called or part_of(module) in {"cli", "views"}


@each_module
def test_a_module_can_be_read_at_one_sitting(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= 400


@each_module
def test_no_partition_is_written_down(module: Path) -> None:
    assert "arn:aws:" not in module.read_text(encoding="utf-8")


def test_importing_the_kit_loads_nothing_heavy() -> None:
    heavy = {"boto3", "botocore", "moto", "pandas", "rich", "cfnlint", "IPython", "ipywidgets", "papermill"}
    code = "import sys, xacct_kit; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not heavy & set(loaded.stdout.split())


# Its files


def files_of_the_repository() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if (ROOT / name).is_file()]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the files are those that git knows")
def test_no_file_names_a_home_folder() -> None:
    home = re.compile(rb"(?<![\w.])(?:/home|/Users|/root|\\Users)[/\\]\w")
    named = [name for name in files_of_the_repository() if home.search((ROOT / name).read_bytes())]
    assert not named


# Its dependencies


def pyproject() -> dict[str, list[Requirement]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    written = {"run": project["dependencies"], **project["optional-dependencies"]}
    return {group: [Requirement(line) for line in lines] for group, lines in written.items()}


def bounds(requirements: list[Requirement]) -> dict[str, str]:
    """Name, extras and version bounds; conda-forge spells every name in lower case."""
    return {
        f"{each.name.lower()}[{','.join(sorted(each.extras))}]": str(each.specifier) for each in requirements
    }


def test_the_conda_environment_is_that_of_pyproject() -> None:
    *conda, pip = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    packages = [line for line in conda if line != "pip" and not line.startswith("python ")]
    extras = [line for line in pip["pip"] if line != "--editable ."]
    wanted = [requirement for group in pyproject().values() for requirement in group]
    assert bounds([Requirement(line) for line in packages + extras]) == bounds(wanted)
    assert len(packages) + len(extras) == len(wanted)


def test_the_conda_environment_has_the_python_of_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"  - python {project['requires-python']}\n" in (ROOT / "environment.yml").read_text(
        encoding="utf-8"
    )


# What comes with a package that is asked for by another name.
COMES_WITH = {
    "botocore": "boto3",
    "cfnlint": "moto",
    "flask": "moto",
    "IPython": "jupyterlab",
    "nbclient": "papermill",
    "nbformat": "papermill",
    "pydantic_core": "pydantic",
    "traitlets": "ipywidgets",
    "urllib3": "boto3",
    "werkzeug": "moto",
    "yaml": "pyyaml",
}

# What a module imports that not everybody installs: the extra that has it.
OPTIONAL = {"fleet/dask_cluster.py": "dask"}


@each_module
def test_what_is_imported_is_asked_for(module: Path) -> None:
    extra = OPTIONAL.get(module.relative_to(PACKAGE).as_posix(), "run")
    asked = {each.name.lower() for group in ("run", extra) for each in pyproject()[group]}
    outside = {name.split(".")[0] for name in imports_of(module)} - {PACKAGE.name} - sys.stdlib_module_names
    assert {COMES_WITH.get(name, name) for name in outside} <= asked


# The wall around the tests themselves


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "sts.amazonaws.com"])
def test_a_test_cannot_leave_this_machine(host: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=f"tried to reach {host}:443; tests stay on loopback"):
        socket.create_connection((host, 443), timeout=1)


def test_a_test_cannot_leave_this_machine_without_a_lookup() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as outward,
        pytest.raises(pytest.fail.Exception, match=r"tried to reach 192\.0\.2\.1:443"),
    ):
        outward.connect(("192.0.2.1", 443))


def test_a_test_can_talk_to_itself() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
