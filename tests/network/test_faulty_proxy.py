"""The faulty proxy does what its faults say."""

from __future__ import annotations

from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected
from urllib.parse import urlsplit

import pytest
from faulty_proxy import (
    Ending,
    Fault,
    FaultyProxy,
    Reply,
    everything,
    first_attempts,
    half_of_calls,
    half_of_requests,
    proxied,
)
from network_faults import foreign, unanswered

NOBODY = "http://127.0.0.1:9"


def asked(proxy: FaultyProxy, call: str = "call", timeout: float = 10.0) -> tuple[int, bytes]:
    connection = HTTPConnection(urlsplit(proxy.url).netloc, timeout=timeout)
    try:
        connection.request("POST", "/", body=b"Action=ListRoles", headers={"amz-sdk-invocation-id": call})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def half(ending: Ending) -> Fault:
    return lambda request, ask: Reply(status=200, body=b"whole", sent=0.5, ending=ending)


@pytest.mark.parametrize(
    ("fault", "seen", "timeout"),
    [
        (unanswered(Ending.RESET), ConnectionResetError, 10.0),
        (unanswered(Ending.CLOSED), RemoteDisconnected, 10.0),
        (unanswered(Ending.STALLED), TimeoutError, 0.2),
        (half(Ending.RESET), ConnectionResetError, 10.0),
        (half(Ending.CLOSED), IncompleteRead, 10.0),
        (half(Ending.STALLED), TimeoutError, 0.2),
    ],
)
def test_a_connection_ends_as_the_fault_says(fault: Fault, seen: type[Exception], timeout: float) -> None:
    with proxied(NOBODY, fault, everything) as proxy, pytest.raises(seen) as caught:
        asked(proxy, timeout=timeout)
    # One that is closed politely is a kind of one that is reset.
    assert caught.type is seen


def test_an_answer_of_somebody_else_is_sent_whole() -> None:
    with proxied(NOBODY, foreign(403, "<html></html>"), everything) as proxy:
        assert asked(proxy) == (403, b"<html></html>")


def test_attempts_of_a_call_are_counted() -> None:
    with proxied(NOBODY, foreign(500), everything) as proxy:
        for call in ("first", "second", "first"):
            asked(proxy, call)
    assert [(request.call, request.attempt) for request in proxy.requests] == [(0, 1), (1, 1), (0, 2)]
    assert [first_attempts(request) for request in proxy.requests] == [True, True, False]


def test_chance_is_the_same_every_time() -> None:
    with proxied(NOBODY, foreign(500), everything) as proxy:
        for call in range(40):
            asked(proxy, str(call // 2))
    by_call, by_request = half_of_calls("seed"), half_of_requests("seed")
    assert [*map(by_call, proxy.requests)] == [*map(half_of_calls("seed"), proxy.requests)]
    assert [*map(by_call, proxy.requests[::2])] == [*map(by_call, proxy.requests[1::2])]
    assert [*map(by_request, proxy.requests[::2])] != [*map(by_request, proxy.requests[1::2])]
