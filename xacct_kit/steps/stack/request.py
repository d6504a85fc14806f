"""What the stack of the params is to be: its template, parameters and tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xacct_kit.aws.session import Session
from xacct_kit.role.profile import load_profile
from xacct_kit.role.template import CAPABILITIES, build_template, template_parameters, to_yaml


def template_body(session: Session) -> str:
    """The template of the params' profile."""
    return to_yaml(build_template(load_profile(session.params.profile)))


def stack_parameters(session: Session, external_id: str | None = None) -> Mapping[str, str]:
    """The values of the template's parameters.

    Parameters:
        session: whose run it is.
        external_id: what stands for the external ID; the external ID itself when it is not given.

    Raises:
        AccessError: the operator may not read the external ID.
        ParamsError: there is none.
    """
    params = session.params
    return template_parameters(
        main_account=params.main_account,
        api_handler_role=params.api_handler_role,
        workflow_loop_runner_role=params.workflow_loop_runner_role,
        external_id=session.external_id if external_id is None else external_id,
        role_name=params.role_name,
    )


def stack_request(session: Session) -> dict[str, Any]:
    """What a stack of the params is: `TemplateBody`, `Parameters`, `Capabilities` and `Tags`.

    Raises:
        AccessError: the operator may not read the external ID.
        ParamsError: there is none.
    """
    return {
        "TemplateBody": template_body(session),
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value} for key, value in stack_parameters(session).items()
        ],
        "Capabilities": list(CAPABILITIES),
        "Tags": [{"Key": key, "Value": value} for key, value in session.params.stack_tags.items()],
    }
