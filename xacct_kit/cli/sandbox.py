"""The commands that need no AWS account: the demonstration and the sandbox itself."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated

import typer

from xacct_kit.cli.options import Format, Out
from xacct_kit.cli.output import finish, folder_for_results, say, show


def demo(out: Out = None) -> None:
    """The whole job on the sandbox, and where to look at it."""
    from xacct_kit.batch import run_demo

    folder = folder_for_results(out)
    report, notebooks = run_demo(folder, say)
    report.save(folder)
    show(report, Format.TABLE)
    say(f"\nreport     {folder / 'report.html'}")
    for notebook in notebooks:
        say(f"notebook   {notebook}")
    finish(report)


def serve_sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 chooses a free port.")] = 0,
    scenario: Annotated[str, typer.Option(help="What is wrong in the member accounts.")] = "healthy",
    accounts: Annotated[int, typer.Option(min=1, max=50_000, help="Number of member accounts.")] = 1,
    throttle: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SERVICE=SHARE", help="Refuse a share of requests, such as emr=0.2; repeatable."
        ),
    ] = None,
    latency: Annotated[
        list[str] | None,
        typer.Option(metavar="[SERVICE=]TIME", help="Answer late, such as 100ms or emr=2s; repeatable."),
    ] = None,
    propagation: Annotated[
        str | None, typer.Option(metavar="TIME", help="How long a new role cannot be assumed, such as 10s.")
    ] = None,
) -> None:
    """Serve the sandbox on loopback. It prints the environment that points any AWS tool at it."""
    from xacct_kit.sandbox.disturbances import parse_duration, parse_latency, parse_throttle
    from xacct_kit.sandbox.layout import Layout
    from xacct_kit.sandbox.server import serve

    layout = Layout(
        scenario=scenario,
        accounts=accounts,
        throttle=parse_throttle(throttle or ()),
        latency=parse_latency(latency or ()),
        propagation=None if propagation is None else parse_duration("propagation", propagation),
    )
    # There is no other end to it.
    with suppress(KeyboardInterrupt):
        serve(layout, port, _export)


def _export(variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        say(f"export {name}={value}")
