"""The link that opens CloudFormation's console with a stack filled in, ready to be created.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-create-stacks-quick-create-links.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote


def quick_create_link(
    *, console: str, region: str, template_url: str, stack_name: str, parameters: Mapping[str, str]
) -> str:
    """The link that opens the console with a stack filled in.

    The console ignores parameters that the template declares `NoEcho`; whoever calls leaves those out
    (`hidden_parameters`), so that nothing of it is a secret unless the template's URL is one.

    Parameters:
        console: host of the console.
        region: where the stack is to be.
        template_url: where CloudFormation reads the template; encoded here, as a presigned URL must be.
        stack_name: the stack.
        parameters: values of the template's parameters.
    """
    asked = {
        "templateURL": template_url,
        "stackName": stack_name,
        **{f"param_{name}": value for name, value in parameters.items()},
    }
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked.items())
    return (
        f"https://{console}/cloudformation/home?region={quote(region, safe='')}#/stacks/create/review?{query}"
    )


def hidden_parameters(template: Mapping[str, Any]) -> tuple[str, ...]:
    """The parameters of a template that a link cannot fill in: those declared `NoEcho`."""
    return tuple(name for name, declared in template["Parameters"].items() if declared.get("NoEcho"))
