"""What the tests themselves keep to: they assert, leave the kit's code as it is, and stay on this machine."""

from __future__ import annotations

import ast
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from house import TESTS, calls_of, functions_of, imports_of, place_of, tree_of

# Settings of the kit that a test makes smaller, and the wall that lets nothing start.
REPLACED = {
    "tests/fleet/test_account_lists.py": "account_lists",
    "tests/fleet/test_dask.py": "'xacct_kit.fleet.dask_cluster._SECONDS'",
    "tests/fleet/test_watching.py": "module.time",
    "tests/malformed/conftest.py": "module",
}

OUTSIDE = frozenset({"sys", "sys.modules", "socket", "socket.socket", "os.environ"})


def specifications_of(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (each for each in functions_of(module) if each.name.startswith("test_"))


def asserting(known: set[str], function: ast.AST) -> bool:
    """Whether a function asserts, by itself or by one that does."""
    if any(isinstance(node, ast.Assert) for node in ast.walk(function)):
        return True
    called = {call.rpartition(".")[2] for call in calls_of(function)}
    return bool(called & (known | {"raises", "warns", "fail", "expect"}))


def helpers_that_assert() -> set[str]:
    """The names of functions that assert, also by calling another that does."""
    functions = [each for module in TESTS for each in functions_of(module)]
    known: set[str] = set()
    while True:
        found = {each.name for each in functions if asserting(known, each)}
        if found <= known:
            return known
        known |= found


def test_every_test_asserts_something() -> None:
    known = helpers_that_assert()
    idle = {
        f"{place_of(module)}:{each.name}"
        for module in TESTS
        for each in specifications_of(module)
        if not asserting(known, each)
    }
    assert not idle


def test_every_function_of_tests_that_is_called_test_is_found() -> None:
    """A test in a module that is not collected, or below another function, is never run."""
    lost = [
        f"{place_of(module)}:{each.name}"
        for module in TESTS
        if not module.name.startswith("test_")
        for each in specifications_of(module)
    ]
    assert not lost


def test_no_two_modules_of_tests_have_one_name() -> None:
    counted = Counter(module.name for module in TESTS if module.name != "conftest.py")
    assert not [name for name, count in counted.items() if count > 1]


def test_the_code_of_the_kit_is_what_is_tested() -> None:
    mocking = [
        place_of(module)
        for module in TESTS
        if any(
            name.split(".")[-2:-1] == ["mock"] or name.startswith("unittest.mock")
            for name in imports_of(module)
        )
    ]
    assert not mocking
    replaced = {
        place_of(module): sorted(found) for module in TESTS if (found := set(replacements(module)) - OUTSIDE)
    }
    assert replaced == {file: [target] for file, target in REPLACED.items()}


def replacements(module: Path) -> Iterator[str]:
    """Whose attributes a test sets, as it is written."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
            (".setattr", ".setitem", ".delattr")
        ):
            yield ast.unparse(node.args[0])


# The wall around them


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
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname(), timeout=5) as client,
    ):
        assert client.getpeername() == server.getsockname()
