"""What is asked for is used, what is used is asked for, and every place that says it says the same."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml
from house import MODULES, PACKAGE, ROOT, TESTS, imports_of, place_of, pyproject
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

# What comes with a package that is asked for by another name.
COMES_WITH = {
    "botocore": "boto3",
    "cfnlint": "cfn-lint",
    "pydantic_core": "pydantic",
    "traitlets": "ipywidgets",
    "werkzeug": "moto",
    "yaml": "pyyaml",
}

# What a module imports that not everybody installs: the extra that has it.
OPTIONAL = {"xacct_kit/fleet/dask_cluster.py": "dask"}

# What no module imports, and where it is used all the same.
USED_ELSEWHERE = {
    "jupyterlab": ("README.md", "jupyter lab"),
    "hatchling": ("pyproject.toml", 'build-backend = "hatchling.build"'),
    "voila": ("Makefile", "$(BIN)/voila"),
    "mypy": ("Makefile", "$(BIN)/mypy"),
    "nbval": ("Makefile", "--nbval"),
    "pandas-stubs": ("pyproject.toml", "strict = true"),
    "pre-commit": (".pre-commit-config.yaml", "repos:"),
    "pytest-randomly": ("notebooks/conftest.py", "pytest-randomly"),
    "pytest-xdist": ("Makefile", "pytest -n"),
    "ruff": ("Makefile", "$(BIN)/ruff"),
    "types-pyyaml": ("pyproject.toml", "strict = true"),
    "types-tqdm": ("pyproject.toml", "strict = true"),
}


def requirements() -> dict[str, list[Requirement]]:
    """What is asked for, by extra; what everybody has is called run."""
    project = pyproject()["project"]
    written = {"run": project["dependencies"], **project["optional-dependencies"]}
    return {extra: [Requirement(line) for line in lines] for extra, lines in written.items()}


def names(*extras: str) -> set[str]:
    return {each.name.lower() for extra in extras for each in requirements()[extra]}


def imported(files: Iterable[Path]) -> set[str]:
    """What files import that is neither theirs nor Python's, by the name that it is asked for by."""
    found = {name.split(".")[0] for module in files for name in imports_of(module)}
    return {COMES_WITH.get(name, name) for name in found - {PACKAGE.name} - sys.stdlib_module_names}


def test_what_is_imported_is_asked_for() -> None:
    missing = {
        place_of(module): lacking
        for module in MODULES
        if (lacking := imported([module]) - names("run", OPTIONAL.get(place_of(module), "run")))
    }
    assert not missing


def test_what_is_asked_for_is_used() -> None:
    by_import = {
        "run": imported(MODULES),
        "dask": imported(PACKAGE.parent / place for place, extra in OPTIONAL.items() if extra == "dask"),
        "dev": imported(TESTS),
    }
    unused = {
        extra: left
        for extra in requirements()
        if (left := names(extra) - by_import.get(extra, set()) - USED_ELSEWHERE.keys())
    }
    assert not unused


def test_what_is_used_elsewhere_is_used_there() -> None:
    for file, words in USED_ELSEWHERE.values():
        assert words in (ROOT / file).read_text(encoding="utf-8")
    assert USED_ELSEWHERE.keys() <= names(*requirements())


def test_what_builds_the_package_is_what_is_tested() -> None:
    assert set(pyproject()["build-system"]["requires"]) <= {str(each) for each in requirements()["dev"]}


def test_every_bound_is_a_lowest_version() -> None:
    unbounded = [str(each) for group in requirements().values() for each in group if ">=" not in str(each)]
    assert not unbounded


# The Conda environment


def bounds(wanted: Iterable[Requirement]) -> dict[str, str]:
    """Name, extras and version bounds; conda-forge spells every name in lower case."""
    return {f"{each.name.lower()}[{','.join(sorted(each.extras))}]": str(each.specifier) for each in wanted}


def environment() -> str:
    return (ROOT / "environment.yml").read_text(encoding="utf-8")


def test_the_conda_environment_is_that_of_pyproject() -> None:
    *conda, pip = yaml.safe_load(environment())["dependencies"]
    packages = [line for line in conda if line != "pip" and not line.startswith("python ")]
    extras = [line for line in pip["pip"] if line != "--editable ."]
    wanted = [requirement for group in requirements().values() for requirement in group]
    assert bounds(Requirement(line) for line in packages + extras) == bounds(wanted)
    assert len(packages) + len(extras) == len(wanted)


def test_the_conda_environment_has_the_python_of_pyproject() -> None:
    assert f"  - python {pyproject()['project']['requires-python']}\n" in environment()


# The versions of Python


def test_every_place_means_the_same_versions_of_python() -> None:
    project: Mapping[str, list[str]] = pyproject()["project"]
    tools = pyproject()["tool"]
    named = [
        found[1]
        for line in project["classifiers"]
        if (found := re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", line))
    ]
    assert named == sorted(named, key=lambda version: int(version.partition(".")[2]))
    assert SpecifierSet(str(project["requires-python"])) == SpecifierSet(f">={named[0]}")
    assert tools["mypy"]["python_version"] == named[0]
    assert tools["ruff"]["target-version"] == f"py{named[0].replace('.', '')}"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"\bpython3\.\d+\b", makefile.partition("do \\")[0])[-3:] == [
        f"python{version}" for version in reversed(named)
    ]
    assert "sys.version_info < (3, {})".format(named[0].partition(".")[2]) in makefile
