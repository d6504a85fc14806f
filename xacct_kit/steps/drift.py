"""The drift step: whether the role is what the profile says, by meaning, and putting right what is not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from xacct_kit.aws.session import Answer, Caller, Session
from xacct_kit.errors import PolicyError
from xacct_kit.report import Finding, Outcome, OutcomeKind, Report, Verdict
from xacct_kit.role.differences import differences
from xacct_kit.role.drift import DEPLOY, Call, Difference, Severity
from xacct_kit.role.profile import RoleDefinition, RoleValues, load_profile
from xacct_kit.steps.deploy import deploy_account
from xacct_kit.steps.findings import Question, answered, broken, finding, not_tried
from xacct_kit.steps.live_role import RoleRead, read_role
from xacct_kit.steps.propagation import note_change
from xacct_kit.steps.stack_drift import StackDrift, stack_drift
from xacct_kit.steps.stacks import Stack, StackFailure
from xacct_kit.steps.waiting import Progress, attempts, silent
