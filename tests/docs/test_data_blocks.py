"""YAML and JSON of the documentation mean something: they can be loaded as what they are."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from markdown_blocks import PAGES, ROOT, Block, blocks

from xacct_kit import strict_json, strict_yaml
from xacct_kit.iam import Layer, Request, decide
from xacct_kit.params import Params
from xacct_kit.role.profile_files import read_profile

# What a fence may say it holds. `text` is what is neither typed nor loaded.
LANGUAGES = ("", "text", "sh", "python", "yaml", "json", "crontab")


def test_every_fence_says_what_it_holds() -> None:
    lines = [line.strip() for page in PAGES for line in page.read_text(encoding="utf-8").splitlines()]
    assert {line.removeprefix("```") for line in lines if line.startswith("```")} <= set(LANGUAGES)


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_yaml_is_a_workflow_or_a_profile_or_params(block: Block) -> None:
    values = yaml.safe_load(block.text)
    assert isinstance(values, dict)
    if "permissions" in values and "trust" in values:
        assert read_profile("profile.yaml", lambda _: block.text.encode()).name == values["name"]
    # What a workflow's steps do, `test_unattended.py` holds.
    elif "jobs" not in values:
        given = strict_yaml.read(ROOT / "params" / "account.yaml")
        assert Params.of(**{**given, **strict_yaml.parse(block.text, str(block))})


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_can_be_read_and_a_policy_allows_what_it_names(block: Block) -> None:
    value: Any = strict_json.parse(block.text.encode())
    assert isinstance(value, dict)
    for statement in value.get("Statement", ()):
        for action in _listed(statement["Action"]):
            request = Request(
                principal="arn:aws:iam::111122223333:role/Operator",
                action=action,
                resource=_listed(statement.get("Resource", "*"))[0],
                context={},
            )
            decision = decide(request, identity=[value])
            # Whether a role may be assumed, its trust policy has to say too.
            assert decision.allowed or decision.layer is Layer.TRUST


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
