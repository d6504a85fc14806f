"""What policy documents mean: parse, match, conditions, decide. Pure: no call, no I/O."""

from xacct_kit.iam.decide import Decision, Layer, StatementReference, decide
from xacct_kit.iam.documents import compile_document
from xacct_kit.iam.lines import decide_line
from xacct_kit.iam.policies import Policies
from xacct_kit.iam.request import Request
from xacct_kit.iam.statements import Document, DocumentKind

__all__ = [
    "Decision",
    "Document",
    "DocumentKind",
    "Layer",
    "Policies",
    "Request",
    "StatementReference",
    "compile_document",
    "decide",
    "decide_line",
]
