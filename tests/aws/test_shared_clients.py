"""All accounts share the clients, and no call is ever signed with the credentials of another account."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from recording_aws import OPERATOR_KEY, Disturbed, RecordingAws, Signed, serving

from xacct_kit.aws.answers import Answer, Caller
from xacct_kit.aws.clients import Connection
from xacct_kit.aws.session import Session
from xacct_kit.params import Params

MAIN = "222222222222"
ACCOUNTS = tuple(str(400_000_000_000 + number) for number in range(40))
WORKERS = 16
ROUNDS = 12

# Of each protocol one: how an account is asked for, and where it comes back.
CALLS: Mapping[tuple[str, str], tuple[Callable[[str], dict[str, Any]], Callable[[Any], str]]] = {
    ("iam", "GetRole"): (
        lambda account: {"RoleName": f"role-{account}"},
        lambda result: result["Role"]["RoleName"],
    ),
    ("ec2", "DescribeKeyPairs"): (
        lambda account: {"KeyNames": [f"key-{account}"]},
        lambda result: result["KeyPairs"][0]["KeyName"],
    ),
    ("ssm", "GetParameter"): (
        lambda account: {"Name": f"/{account}"},
        lambda result: result["Parameter"]["Name"],
    ),
    ("s3", "ListObjectsV2"): (
        lambda account: {"Bucket": f"bucket-{account}"},
        lambda result: result["Name"],
    ),
}

Asked = tuple[str, Answer, str]


@contextmanager
def session_with(aws: RecordingAws, **timeouts: float) -> Iterator[Session]:
    with serving(aws):
        connection = Connection(
            endpoint=aws.url, access_key=OPERATOR_KEY, secret="secret-of-operator", max_attempts=2, **timeouts
        )  # type: ignore[arg-type]
        with Session(Params.load("params/sandbox.yaml"), connection) as session:
            yield session


def callers(session: Session) -> dict[str, Caller]:
    """The role of every account, assumed by one role of the main account."""
    main = session.assume(session.operator, session.role_arn(MAIN, "ApiHandlerRole")).caller
    assert main
    assumed = {
        account: session.assume(main, session.role_arn(account, "Role"), external_id="an-external-id").caller
        for account in ACCOUNTS
    }
    return {account: caller for account, caller in assumed.items() if caller}


def interleaved(session: Session, rounds: int = ROUNDS) -> list[Asked]:
    """Every call of every account, so many times, in any order, by many threads."""
    who = callers(session)
    work = [(account, *call) for account in who for call in CALLS for _ in range(rounds)]
    random.Random("order").shuffle(work)

    def ask(account: str, service: str, operation: str) -> Asked:
        params, told = CALLS[service, operation]
        answer = session.call(who[account], service, operation, **params(account))
        return account, answer, told(answer.result) if answer.ok else ""

    with ThreadPoolExecutor(WORKERS) as executor:
        return list(executor.map(lambda call: ask(*call), work))


def signed_by_another(aws: RecordingAws) -> list[Signed]:
    """The requests that are not signed with the credentials of whoever must make them."""

    def due(request: Signed) -> bool:
        if not request.assumes:
            return request.signer == request.asked or not request.asked
        return request.key == OPERATOR_KEY if request.asked == MAIN else request.signer == MAIN

    def whole(request: Signed) -> bool:
        return request.token == ("" if request.key == OPERATOR_KEY else f"token-of-{request.key}")

    return [request for request in aws.requests if not (due(request) and whole(request))]


def test_thousands_of_calls_are_each_signed_with_the_credentials_of_their_own_account() -> None:
    aws = RecordingAws()
    with session_with(aws) as session:
        asked = interleaved(session)
    assert len(aws.requests) >= len(ACCOUNTS) * len(CALLS) * ROUNDS
    assert not signed_by_another(aws)
    assert all(answer.ok and account in told for account, answer, told in asked)


def test_credentials_that_are_renewed_amid_the_calls_are_those_of_the_same_account() -> None:
    # They are renewed before each call that finds them within ten minutes of their end.
    aws = RecordingAws(lifetime=lambda given: timedelta(hours=1) if given % 4 == 0 else timedelta(minutes=5))
    with session_with(aws) as session:
        asked = interleaved(session, rounds=4)
    assert aws.given > 2 * len(ACCOUNTS)
    assert not signed_by_another(aws)
    assert all(answer.ok and account in told for account, answer, told in asked)


def test_no_refusal_failure_or_timeout_lets_the_credentials_of_one_account_sign_for_another() -> None:
    met = {5: Disturbed(403, "AccessDenied"), 40: Disturbed(500, "InternalFailure"), 300: Disturbed(None)}
    happened: Counter[int] = Counter()

    def disturb(request: Signed) -> Disturbed | None:
        if request.number < 2 * len(ACCOUNTS):
            return None
        every = next((every for every in sorted(met, reverse=True) if request.number % every == 0), None)
        happened.update([every] if every else [])
        return met[every] if every else None

    aws = RecordingAws(disturb=disturb, lifetime=lambda given: timedelta(minutes=5 + 60 * (given % 2)))
    with session_with(aws, read_timeout=1.0, connect_timeout=5.0) as session:
        asked = interleaved(session, rounds=4)
    assert {*happened} == {*met}
    assert not signed_by_another(aws)
    assert all(account in told for account, answer, told in asked if answer.ok)
    assert sum(answer.ok for _, answer, _ in asked) > len(asked) // 2


def test_there_is_one_client_a_service_and_region_and_its_connections_are_used_again() -> None:
    aws = RecordingAws()
    with session_with(aws) as session:
        region = session.params.region
        session.prepare((service, region) for service, _ in CALLS)
        interleaved(session, rounds=2)
        assert {*session._clients._clients} == {(each, region) for each in ("sts", *(c[0] for c in CALLS))}
    used = {(request.service, request.connection) for request in aws.requests}
    assert max(Counter(service for service, _ in used).values()) <= WORKERS
    assert len(aws.connections) == len(used)
