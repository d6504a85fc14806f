"""The command `xacct`: it passes values on, shows reports and turns verdicts into exit codes."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from xacct_kit.cli import accounts, lifecycle, sandbox, tools
from xacct_kit.cli.output import UNFINISHED, note, open_streams
from xacct_kit.errors import RunError, XacctError
from xacct_kit.interactive.owned import end_with_owner


class _Commands(TyperGroup):
    """The commands; one that is interrupted could not finish, where typer has an exit code of its own."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is asked for.

        Raises:
            RunError: it was interrupted.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise RunError("stopped") from None


app = typer.Typer(
    cls=_Commands,
    help="Onboard AWS accounts for Service Workbench, and prove that every permission is there.\n\n"
    "Exit code: 0 every verdict is green, 1 some verdict is not, 2 the request was wrong and nothing was "
    "called, 3 the run could not finish.",
    add_completion=False,
    no_args_is_help=True,
    # A fault of usage is one line, not a box of broken ones.
    rich_markup_mode=None,
    context_settings={"max_content_width": 110},
    pretty_exceptions_enable=False,
)

app.command()(sandbox.demo)
app.command()(accounts.onboard)
for name, steps, what in accounts.IN_EVERY_ACCOUNT:
    app.command(name, help=what)(accounts.in_every_account(steps))
for _command in (
    lifecycle.status,
    lifecycle.drift,
    lifecycle.create_account,
    lifecycle.invite,
    lifecycle.new_external_id,
    lifecycle.handover,
    lifecycle.offboard,
):
    app.command(_command.__name__.replace("_", "-"))(_command)
app.command()(accounts.diff)
app.command()(tools.template)
app.command("sandbox")(sandbox.serve_sandbox)
app.command()(tools.decide)
app.command()(tools.classify)


def main() -> None:
    """Run the command; errors become an exit code, and those of the kit one line a fault."""
    open_streams()
    try:
        end_with_owner()
        app()
    except XacctError as error:
        note(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        note("stopped")
        sys.exit(UNFINISHED)
    except Exception:
        # Python's own exit code for it is that of a verdict.
        sys.excepthook(*sys.exc_info())
        sys.exit(UNFINISHED)
