"""The wizard without a browser: what is entered, shown, saved and begun, and that no secret is in it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ipywidgets
import nbformat
import pytest
from nbclient import NotebookClient

import xacct_kit as xk
from xacct_kit.errors import ParamsError
from xacct_kit.interactive.account_tree import AccountTree
from xacct_kit.interactive.command_line import CommandLine
from xacct_kit.interactive.params_file import to_yaml
from xacct_kit.interactive.run_state import RunState
from xacct_kit.interactive.wizard import Wizard
from xacct_kit.interactive.wizard_page import WizardPage
from xacct_kit.params import Params

SANDBOX = Params.load("params/sandbox.yaml")
ACCOUNT = Params.load("params/account.yaml")
SECRET = "agreed-with-nobody-0815"
COMPLETE = {"main_account": "111122223333", "member_accounts": "444455556666", "external_id": "env:NAME"}


class Runs:
    """Begins no run, and knows which would have been."""

    def __init__(self) -> None:
        self.lines: list[CommandLine] = []
        self.views: list[Any] = []

    def __call__(self, line: CommandLine) -> Any:
        self.lines.append(line)
        view = ipywidgets.HTML(f"run {len(self.lines)}")
        view.state = RunState.RUNNING
        self.views.append(view)
        return view


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with notebooks and params."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "params").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


@pytest.fixture
def shown(runs: Runs) -> Iterator[Wizard]:
    wizard = Wizard(SANDBOX, start=runs)
    assert wizard.page
    yield wizard
    ipywidgets.Widget.close_all()


def enter(wizard: Wizard, **values: str) -> WizardPage:
    for key, value in values.items():
        wizard.page.form.fields[key].value = value
    return wizard.page


def messages(wizard: Wizard) -> dict[str, str]:
    return {key: field.message for key, field in wizard.page.form.fields.items() if field.message}


def asked(wizard: Wizard) -> set[str]:
    return {key for key, field in wizard.page.form.fields.items() if field.shown}


# What is entered


def test_a_fault_is_said_as_it_is_typed_and_gone_when_it_is_mended(shown: Wizard) -> None:
    enter(shown, member_accounts="3333")
    assert messages(shown) == {
        "member_accounts": "'3333' is not an account ID, which is 12 digits and nothing else"
    }
    with pytest.raises(ParamsError, match="is not an account ID"):
        _ = shown.params
    enter(shown, member_accounts="333333333333 400000000000")
    assert messages(shown) == {}
    assert shown.params.member_accounts == ("333333333333", "400000000000")


def test_what_nobody_has_been_at_is_not_marked_but_named(shown: Wizard) -> None:
    page = enter(shown, environment="aws")
    assert messages(shown) == {}
    for key in ("main_account", "member_accounts", "external_id"):
        assert f"<li>{key}: is missing" in page.outline.value


def test_each_environment_asks_its_own_and_remembers_what_was_entered(shown: Wizard) -> None:
    assert {"sandbox_scenario", "sandbox_accounts"} <= asked(shown)
    assert not {"main_account", "external_id", "region"} & asked(shown)
    enter(shown, sandbox_scenario="missing-emr")
    enter(shown, environment="aws", **COMPLETE)
    assert not {"sandbox_scenario", "sandbox_accounts"} & asked(shown)
    assert shown.params.main_account == "111122223333"
    enter(shown, environment="sandbox")
    assert shown.params == SANDBOX.model_copy(update={"sandbox_scenario": "missing-emr"})
    enter(shown, environment="aws")
    assert shown.params.external_id == "env:NAME"


def test_the_outline_follows_what_is_entered(shown: Wizard) -> None:
    page = enter(shown, probes="canary", member_accounts="333333333333 400000000000")
    for part in (
        "2 accounts: 333333333333, 400000000000.",
        "makes canaries",
        "2 requests at $0.01",
        "iam:PutRolePolicy",
    ):
        assert part in page.outline.value


def test_the_named_profiles_of_the_machine_are_offered(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = place / "config"
    config.write_text(
        "[profile plain]\naws_secret_access_key = told-to-nobody\n[profile single]\nsso_session = us\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    page = Wizard(ACCOUNT, start=Runs()).page
    field = page.form.fields["access_profile"]
    assert field.options[1:] == [
        ["plain", "profile plain"],
        ["single", "profile single (IAM Identity Center)"],
    ]
    field.value = "single"
    assert field.help == "Sign in first: aws sso login --profile single"
    assert "told-to-nobody" not in everything(page)


def test_a_configuration_that_cannot_be_read_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "config").write_text("told-to-nobody", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(place / "config"))
    page = Wizard(ACCOUNT, start=Runs()).page
    assert "AWS configuration: Unable to parse config file" in page.form.fields["access_profile"].help
    assert "told-to-nobody" not in everything(page)


# Accounts that are not typed


def uploaded(page: WizardPage, name: str, content: str) -> None:
    file = {"name": name, "type": "", "size": len(content), "content": memoryview(content.encode())}
    page.picker.upload.value = ({**file, "last_modified": datetime(2026, 1, 1, tzinfo=UTC)},)


def test_a_file_of_accounts_fills_them_in(shown: Wizard) -> None:
    uploaded(shown.page, "accounts.csv", "Account ID,Name\n333333333333,one\n400000000000,two\n")
    assert shown.params.member_accounts == ("333333333333", "400000000000")
    assert "accounts.csv: 2 accounts." in shown.page.picker.said.value
    assert shown.page.picker.upload.value == ()


def test_a_file_that_is_no_list_changes_nothing_and_is_told_with_its_line(shown: Wizard) -> None:
    uploaded(shown.page, "accounts.csv", "Account ID,Name\n3333,<b>one</b>\n")
    assert "accounts.csv, line 2: 3333 has 4 digits" in shown.page.picker.said.value
    assert shown.params == SANDBOX


def test_the_organization_is_read_on_a_click_and_ticked(shown: Wizard) -> None:
    page = enter(shown, sandbox_accounts="3", member_accounts="400000000000")
    assert page.picker.tree is None
    page.picker.show_tree.click()
    assert "Reading the organization" in page.picker.said.value, "nobody has to wait for it"
    tree = read(page)
    assert tree is not None
    left_out = {node["id"] for node in tree.nodes if node["leftOut"]}
    assert left_out == {"111111111111", "222222222222"}
    (root,) = [node["id"] for node in tree.nodes if node["parent"] is None]
    assert tree.ticked == {root: "mixed", "400000000000": "true"}
    page.picker.toggle(root)
    assert (shown.params.organizational_units, shown.params.member_accounts) == (("root",), ())
    page.picker.toggle("400000000001")
    assert shown.params.exclude_accounts == ("400000000001",)
    assert tree.ticked == {root: "mixed", "333333333333": "true", "400000000000": "true"}
    enter(shown, sandbox_accounts="4")
    assert page.picker.tree is None, "it was of another organization"


def test_an_organization_that_is_no_longer_meant_is_not_shown(shown: Wizard) -> None:
    page = shown.page
    page.picker.show_tree.click()
    (reading,) = (each for each in threading.enumerate() if each.name == "xacct-organization")
    enter(shown, sandbox_accounts="2")
    assert not page.picker.show_tree.disabled
    reading.join()
    assert (page.picker.tree, page.picker.said.value) == (None, "")
    page.picker.show_tree.click()
    assert read(page) is not None


def read(page: WizardPage) -> AccountTree | None:
    """The tree, when the organization has been read."""
    while page.picker.show_tree.disabled:
        time.sleep(0.01)
    return page.picker.tree


def test_an_organization_that_cannot_be_read_says_why(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    page = Wizard(ACCOUNT, start=Runs()).page
    page.picker.show_tree.click()
    assert read(page) is None
    assert (
        "There are no AWS credentials. Set access_profile in the params, or sign in" in page.picker.said.value
    )


# What is saved


def test_params_are_saved_for_batch_runs(shown: Wizard, place: Path) -> None:
    page = enter(shown, sandbox_scenario="missing-emr")
    page.name.value = "mine"
    page.save.click()
    assert Params.load(place / "params" / "mine.local.yaml") == shown.params
    assert page.command.shown
    assert page.command.value == "xacct probe ../params/mine.local.yaml"
    assert "Saved: ../params/mine.local.yaml" in page.told.value


def test_nothing_is_saved_or_begun_while_something_is_wrong(shown: Wizard, place: Path, runs: Runs) -> None:
    page = enter(shown, environment="aws")
    for button in (page.save, page.check):
        button.click()
        assert messages(shown).keys() == {"main_account", "member_accounts", "external_id"}
        assert "Not saved" in page.told.value
    assert not list((place / "params").iterdir())
    assert not runs.lines


@pytest.mark.parametrize("name", ["", "../elsewhere", "a b"])
def test_a_name_that_is_none_saves_nothing(shown: Wizard, place: Path, name: str) -> None:
    shown.page.name.value = name
    assert "is no name for a file" in shown.page.name.message
    shown.page.save.click()
    assert not list((place / "params").iterdir())


def test_another_file_is_replaced_only_when_that_is_said(shown: Wizard, place: Path) -> None:
    page, file = shown.page, place / "params" / "sandbox.local.yaml"
    file.write_text("somebody's own", encoding="utf-8")
    page.save.click()
    assert "is there already, and says something else" in page.told.value
    page.keep.click()
    assert file.read_text(encoding="utf-8") == "somebody's own"
    page.save.click()
    page.replace.click()
    assert file.read_text(encoding="utf-8") == to_yaml(shown.params)
    enter(shown, sandbox_accounts="2")
    page.save.click()
    assert file.read_text(encoding="utf-8") == to_yaml(shown.params), (
        "what it wrote itself it need not ask about"
    )


def test_what_cannot_be_saved_is_said(shown: Wizard, place: Path) -> None:
    (place / "params").rmdir()
    (place / "notebooks" / "params").write_text("", encoding="utf-8")
    shown.page.save.click()
    assert "cannot be written" in shown.page.told.value


# What is begun


def test_a_check_is_begun_with_what_was_saved(shown: Wizard, runs: Runs, place: Path) -> None:
    shown.page.check.click()
    (line,) = runs.lines
    assert (line.command, line.params_file) == ("probe", Path("../params/sandbox.local.yaml"))
    assert Params.load(line.params_file) == shown.params
    assert shown.page.command.value == str(line)
    assert line.out.parent == Path("runs")


def test_in_the_sandbox_a_deployment_needs_no_tick(shown: Wizard, runs: Runs) -> None:
    assert not shown.page.agreed.shown
    shown.page.deploy.click()
    assert [line.command for line in runs.lines] == ["onboard"]


def test_on_aws_a_deployment_needs_a_tick_that_holds_for_what_was_seen(shown: Wizard, runs: Runs) -> None:
    page = enter(shown, environment="aws", **COMPLETE)
    assert page.agreed.label == "I know that this changes 1 account"
    page.deploy.click()
    assert page.agreed.message.startswith("Tick this first")
    page.agreed.value = "true"
    enter(shown, member_accounts="444455556666 777788889999")
    assert (page.agreed.value, page.agreed.label) == ("false", "I know that this changes 2 accounts")
    page.deploy.click()
    assert not runs.lines
    page.agreed.value = "true"
    page.deploy.click()
    assert [line.command for line in runs.lines] == ["onboard"]


def test_units_are_agreed_to_by_name(shown: Wizard) -> None:
    page = enter(shown, environment="aws", **{**COMPLETE, "organizational_units": "root"})
    assert page.agreed.label == "I know that this changes every account below root"


def test_a_check_on_aws_needs_no_tick(shown: Wizard, runs: Runs) -> None:
    enter(shown, environment="aws", **COMPLETE).check.click()
    assert [line.command for line in runs.lines] == ["probe"]


def test_a_run_that_goes_on_stays_in_sight_below_the_next(shown: Wizard, runs: Runs) -> None:
    page = shown.page
    page.check.click()
    assert "stays in sight" not in page.told.value
    page.deploy.click()
    assert "What was begun before goes on, and stays in sight below it." in page.told.value
    assert in_sight(page) == ["run 2", "<h3>Begun before</h3>", "run 1"]
    runs.views[0].state = RunState.GREEN
    page.check.click()
    assert in_sight(page) == ["run 3", "<h3>Begun before</h3>", "run 2"]


def in_sight(page: WizardPage) -> list[str]:
    """The runs, which stand under all else."""
    return [part.value for part in page.widget.children[-1].children]


# Secrets


def everything(page: WizardPage) -> str:
    """All that the page's widgets hold: what is no trait of one is in no message to a browser."""
    states: dict[str, Any] = {}
    waiting = [page.widget]
    while waiting:
        widget = waiting.pop()
        if widget.model_id not in states:
            states[widget.model_id] = {name: repr(getattr(widget, name)) for name in widget.keys}
            held = [getattr(widget, name) for name in widget.keys]
            parts = [part for each in held for part in (each if isinstance(each, list | tuple) else [each])]
            waiting += [part for part in parts if isinstance(part, ipywidgets.Widget)]
    assert len(states) > 40
    return json.dumps(states)


def test_no_trait_holds_an_external_id() -> None:
    literal = SANDBOX.model_copy(update={"external_id": SECRET, "management_external_id": f"{SECRET}-too"})
    wizard = Wizard(literal, start=Runs())
    page = wizard.page
    enter(wizard, environment="aws", **COMPLETE)
    enter(wizard, environment="sandbox", probes="canary").save.click()
    assert wizard.params.external_id == SECRET
    assert "Saved" in page.told.value
    assert SECRET not in everything(page)


@pytest.mark.parametrize("text", [SECRET, f" {SECRET}", f"{SECRET} env:NAME"])
def test_a_literal_is_refused_and_the_field_emptied(shown: Wizard, text: str) -> None:
    page = enter(shown, environment="aws", **COMPLETE)
    enter(shown, external_id=text)
    field = page.form.fields["external_id"]
    assert field.value == ""
    assert "external_id: is missing" in page.outline.value
    assert SECRET not in everything(page)


def test_what_a_page_sends_is_not_sent_back(shown: Wizard) -> None:
    field = shown.page.form.fields["external_id"]
    assert field.trait_metadata("value", "echo_update") is False


# Where nobody is looking


def test_in_batch_it_is_text_and_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JPY_SESSION_NAME", "VOILA_REQUEST_URL"):
        monkeypatch.delenv(name, raising=False)
    wizard = xk.wizard(SANDBOX)
    bundle = wizard._repr_mimebundle_()
    assert bundle.keys() == {"text/plain", "text/html"}
    assert wizard.params == SANDBOX
    for shown in bundle.values():
        assert "1 account: 333333333333." in shown
        assert SANDBOX.external_id not in shown
    assert wizard._repr_mimebundle_() == bundle


def test_a_notebook_that_is_run_in_batch_keeps_no_widget(place: Path) -> None:
    cell = "import xacct_kit as xk\nxk.wizard(xk.Params.of(**values))"
    values = f"values = {SANDBOX.model_dump(mode='json')!r}\n"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(values + cell)])
    done = NotebookClient(notebook, kernel_name="python3").execute()
    assert "widgets" not in done.metadata
    (output,) = done.cells[0].outputs
    assert output["data"].keys() == {"text/plain", "text/html"}


def test_for_somebody_it_is_the_form_with_its_plain_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "notebooks/0_start_here.ipynb")
    bundle = xk.wizard(SANDBOX)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "What it costs" in bundle["text/plain"]
