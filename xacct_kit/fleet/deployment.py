"""How the role gets into many accounts: a stack in each of them, or a stack set as the params say."""

from __future__ import annotations

from collections.abc import Mapping

from xacct_kit.aws.session import Session
from xacct_kit.errors import RunError
from xacct_kit.fleet.stack_set_calls import Deployment, PermissionModel
from xacct_kit.param_types import WHOLE_ORGANIZATION

_MODELS: Mapping[str, PermissionModel] = {
    "self-managed": PermissionModel.SELF_MANAGED,
    "service-managed": PermissionModel.SERVICE_MANAGED,
}


def deployment_of(session: Session) -> Deployment | None:
    """The stack set that the params ask for; None where they ask for none.

    To be asked before `targeted` has put accounts in the place of organizational units.

    Raises:
        RunError: the root of the organization cannot be read.
    """
    params = session.params
    model = _MODELS.get(params.stack_set)
    if model is None:
        return None
    if model is PermissionModel.SERVICE_MANAGED:
        units = tuple(_unit(session, unit) for unit in params.organizational_units)
        return Deployment(model=model, organizational_units=units)
    return Deployment(model=model, execution_role=params.access_role or Deployment.execution_role)


def _unit(session: Session, unit: str) -> str:
    """The ID of an organizational unit or, where the whole organization is meant, of its root."""
    if unit != WHOLE_ORGANIZATION:
        return unit
    answer = session.call(session.operator, "organizations", "ListRoots")
    if not answer.result.get("Roots"):
        raise RunError(f"The root of the organization cannot be read. {answer.outcome.reason}".rstrip())
    return str(answer.result["Roots"][0]["Id"])
