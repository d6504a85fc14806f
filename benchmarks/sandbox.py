"""How soon a large sandbox is ready, and what its enforcement costs.

Run as `python benchmarks/sandbox.py [ACCOUNTS]`.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any
from unittest.mock import patch

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.serialize import create_serializer
from botocore.session import get_session
from werkzeug.test import EnvironBuilder

REGION = "us-east-1"

# Service, operation and parameters of what a probe asks.
CALLS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("sts", "GetCallerIdentity", {}),
    ("ec2", "DescribeInstances", {}),
    ("emr", "ListClusters", {}),
    ("iam", "GetRole", {"RoleName": "CrossAccountExecutionRole"}),
    ("s3", "ListBuckets", {}),
    ("ssm", "DescribeParameters", {}),
)


def signed(service: str, operation: str, params: dict[str, Any], credentials: Credentials) -> dict[str, Any]:
    """A request as a server gets it, made and signed as botocore does."""
    model = get_session().get_service_model(service)
    serializer = create_serializer(model.metadata["protocol"])
    asked = serializer.serialize_to_request(params, model.operation_model(operation))
    url = f"http://127.0.0.1:5000{asked['url_path']}"
    request = AWSRequest(asked["method"], url, asked["headers"], asked["body"], asked["query_string"])
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(credentials, model.signing_name, REGION).add_auth(request)
    sent = request.prepare()
    headers = {
        name: value.decode() if isinstance(value, bytes) else value for name, value in sent.headers.items()
    }
    body = sent.body.encode() if isinstance(sent.body, str) else sent.body or b""
    path = asked["url_path"]
    builder = EnvironBuilder(
        method=sent.method, path=path, base_url="http://127.0.0.1:5000", headers=headers, data=body
    )
    return {**builder.get_environ(), "RAW_URI": path, "body": body}


def best_of(runs: int, work: Callable[[], object]) -> float:
    """Seconds of the fastest of several runs."""
    spent = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        spent.append(time.perf_counter() - started)
    return min(spent)


def expect_success(status: str, headers: object) -> None:
    """Refuse to time a request that is refused."""
    if not status.startswith("200"):
        raise SystemExit(f"the request was answered with {status}")


def answer_nothing(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A state engine that does nothing, so that what is left is the gate's own time."""
    start_response("200 OK", [("Content-Length", "0")])
    return [b""]


def main(accounts: int) -> None:
    """Print the figures."""
    import moto.iam.models
    import moto.moto_server.werkzeug_app
    import moto.organizations.models  # noqa: F401

    started = time.perf_counter()
    from xacct_kit.sandbox.layout import Layout
    from xacct_kit.sandbox.server import make_sandbox

    layout = Layout(accounts=accounts)
    server = make_sandbox(layout)
    print(f"{accounts} accounts ready       {time.perf_counter() - started:8.2f} s beyond moto's import")
    try:
        measure(server.app, layout)
    finally:
        server.server_close()


def measure(gate: Any, layout: Any) -> None:
    """Print what entering the last account costs, and what requests in it cost."""
    from xacct_kit.sandbox.layout import MEMBER_ACCOUNT, OPERATOR_ACCESS_KEY, OPERATOR_SECRET
    from xacct_kit.sandbox.principals import role_session
    from xacct_kit.sandbox.state import find_named

    last = layout.members[-1]
    # The first account also compiles what all have.
    gate.members.enter(MEMBER_ACCOUNT)
    print(f"first entry of an account  {best_of(1, lambda: gate.members.enter(last)) * 1000:8.2f} ms")
    executing = find_named("aws", last, "role", layout.role_name)
    assert executing is not None
    key = gate.keyring.issue(role_session(executing, "bench"), 3600)
    role = Credentials(key.access_key, key.secret, key.token)
    operator = Credentials(OPERATOR_ACCESS_KEY, OPERATOR_SECRET)
    assumed = {
        "RoleArn": f"arn:aws:iam::{last}:role/{layout.access_role}",
        "RoleSessionName": "bench",
    }
    calls = [(role, *call) for call in CALLS] + [(operator, "sts", "AssumeRole", assumed)]
    for credentials, service, operation, params in calls:
        environ = signed(service, operation, params, credentials)

        def ask(environ: dict[str, Any] = environ) -> None:
            gate({**environ, "wsgi.input": io.BytesIO(environ["body"])}, expect_success)

        whole = best_of(200, ask)
        with patch.object(gate, "_engine", lambda _: answer_nothing):
            enforcement = best_of(200, ask)
        print(
            f"{service}:{operation:20} {whole * 1000:8.2f} ms, of which the gate {enforcement * 1000:.2f} ms"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
