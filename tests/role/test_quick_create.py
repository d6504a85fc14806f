"""The link to CloudFormation's console: every value arrives as it was given, nothing hidden goes along."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xacct_kit.role.profile import load_profile
from xacct_kit.role.quick_create import hidden_parameters, quick_create_link
from xacct_kit.role.template import build_template

HOST = "console.example"


def read(link: str) -> dict[str, str]:
    """What the console's page reads of the link: the query behind the fragment's path."""
    parts = urlsplit(link)
    path, _, query = parts.fragment.partition("?")
    assert (parts.scheme, parts.netloc, parts.path) == ("https", HOST, "/cloudformation/home")
    assert path == "/stacks/create/review"
    return {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}


@given(
    url=st.text(min_size=1),
    stack=st.text(min_size=1),
    parameters=st.dictionaries(st.from_regex(r"[A-Za-z]{1,9}", fullmatch=True), st.text()),
)
def test_every_value_arrives_as_it_was_given(url: str, stack: str, parameters: dict[str, str]) -> None:
    link = quick_create_link(
        console=HOST, region="us-east-1", template_url=url, stack_name=stack, parameters=parameters
    )
    assert link.isascii()
    assert read(link) == {
        "templateURL": url,
        "stackName": stack,
        **{f"param_{name}": value for name, value in parameters.items()},
    }


def test_a_presigned_url_is_encoded_whole() -> None:
    url = "https://b.s3.us-east-1.amazonaws.com/a%20b.yaml?X-Amz-Credential=A%2Fb&X-Amz-Expires=60"
    link = quick_create_link(
        console=HOST, region="us-east-1", template_url=url, stack_name="stack", parameters={}
    )
    assert (
        "templateURL=https%3A%2F%2Fb.s3.us-east-1.amazonaws.com%2Fa%2520b.yaml%3FX-Amz-Credential%3DA%252Fb"
        in link
    )
    assert read(link)["templateURL"] == url


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1"])
def test_the_region_stands_in_the_query_too(region: str) -> None:
    link = quick_create_link(console=HOST, region=region, template_url="u", stack_name="s", parameters={})
    assert urlsplit(link).query == f"region={region}"


def test_the_external_id_is_what_a_link_cannot_carry() -> None:
    assert hidden_parameters(build_template(load_profile("documented"))) == ("ExternalId",)
