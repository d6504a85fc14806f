"""What can happen to a request or to its answer, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from faulty_proxy import Ask, Ending, Fault, Reply, Request

from xacct_kit.sandbox.disturbances import Disturbances
from xacct_kit.sandbox.faults import ServiceFault
from xacct_kit.sandbox.protocol import refusal


@dataclass(frozen=True, kw_only=True)
class NetworkFault:
    """Something that can happen.

    Attributes:
        happens: what the client gets.
        said: pattern of what a reason has to say of it.
        passes: whether botocore sees what it was, and tries again without long pauses.
        partial: whether some of what gets through is the truth all the same.
        read_timeout: seconds that the client waits.
        connect_timeout: seconds that the client waits for a connection.
    """

    happens: Fault
    said: str
    passes: bool = False
    partial: bool = False
    read_timeout: float = 10.0
    connect_timeout: float = 5.0


def throttled(request: Request, _: Ask) -> Reply:
    """The service's own words for one request too many."""
    try:
        Disturbances(throttle={request.service: 1.0}, latency={}).check_rate(request.service)
    except ServiceFault as fault:
        return _refused(request.service, fault)
    raise AssertionError("a service that refuses every request has let one through")


# What services say to a client whose clock is an hour late. EC2 says no more than AuthFailure.
# https://github.com/aws/aws-cli/issues/6676 (query), https://github.com/aws/aws-sdk-js/issues/254 (JSON)
# https://github.com/aws/aws-sdk-java/issues/519 (EC2)
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_EXPIRED = ServiceFault(
    403,
    "SignatureDoesNotMatch",
    "Signature expired: 20260101T000000Z is now earlier than 20260101T005500Z (20260101T010000Z - 5 min.)",
)
_SKEWED = ServiceFault(
    403,
    "RequestTimeTooSkewed",
    "The difference between the request time and the current time is too large.",
)


_NOT_YET = ServiceFault(
    403,
    "SignatureDoesNotMatch",
    "Signature not yet current: 20260101T010000Z is still later than 20260101T000500Z "
    "(20260101T000000Z + 5 min.)",
)
_UNTOLD = ServiceFault(401, "AuthFailure", "AWS was not able to validate the provided access credentials")


def skewed(query: ServiceFault) -> Fault:
    """The services' own words for a request that was signed by a clock that is wrong."""
    own = {"s3": _SKEWED, "ec2": _UNTOLD}
    return lambda request, ask: _refused(request.service, own.get(request.service, query))


def _refused(service: str, fault: ServiceFault) -> Reply:
    response = refusal(service, fault)
    return Reply(status=response.status, headers=response.headers, body=response.body)


def unanswered(ending: Ending) -> Fault:
    """Nothing is answered, and the request reaches nobody."""
    return lambda request, ask: Reply(ending=ending)


def answer_lost(_: Request, ask: Ask) -> Reply:
    """What is asked for is done, and nobody hears of it."""
    ask()
    return Reply(ending=Ending.RESET)


def broken_off(ending: Ending) -> Fault:
    """Half of an answer, of which the whole was promised."""
    return lambda request, ask: replace(ask(), sent=0.5, ending=ending)


def cut(share: float) -> Fault:
    """A part of an answer, of which no more was promised: somebody on the way has cut it."""

    def happens(_: Request, ask: Ask) -> Reply:
        reply = ask()
        return replace(reply, body=reply.body.rstrip()[: int(len(reply.body.rstrip()) * share)])

    return happens


def chunk_lost(_: Request, ask: Ask) -> Reply:
    """Half of a chunk, and then the end."""
    return replace(ask(), chunked=True, sent=0.5, ending=Ending.CLOSED)


def dripping(_: Request, ask: Ask) -> Reply:
    """An answer of which there is always something more to come."""
    return replace(ask(), sent=0.0, chunked=True, ending=Ending.DRIPPING)


def emptied(_: Request, ask: Ask) -> Reply:
    """The right answer with nothing in it."""
    reply = ask()
    body = re.sub(rb"(<\w+Result>).*(</\w+Result>)", rb"\1\2", reply.body, flags=re.DOTALL)
    return replace(reply, body=b"{}" if body.startswith(b"{") else body)


def refused_result(_: Request, ask: Ask) -> Reply:
    """A result under the status of a refusal."""
    reply = ask()
    return replace(reply, status=403) if reply.status == 200 else reply


_OTHERS_LIST = {
    "json": '{"TableArns": ["none"]}',
    "xml": "<ListUsersResponse><ListUsersResult><Users/></ListUsersResult></ListUsersResponse>",
}
_OTHERS_REFUSAL = ServiceFault(
    403,
    "AccessDenied",
    "User: arn:aws:iam::111111111111:user/somebody is not authorized to perform: iam:ListUsers on "
    "resource: *",
)


def answer_to_another(request: Request, _: Ask) -> Reply:
    """The result that somebody else has asked for."""
    language = "json" if "x-amz-target" in request.headers else "xml"
    return Reply(status=200, headers=_IDS, body=_OTHERS_LIST[language].encode())


def refusal_of_another(request: Request, _: Ask) -> Reply:
    """The refusal of somebody else."""
    return _refused(request.service, _OTHERS_REFUSAL)


def foreign(status: int, body: str = "", kind: str = "text/html", **headers: str) -> Fault:
    """An answer that AWS did not give."""
    reply = Reply(status=status, headers={"Content-Type": kind, **headers}, body=body.encode())
    return lambda request, ask: reply


# Some proxies make up a request ID, or keep the one of what they have put aside.
_IDS: Mapping[str, str] = {
    "x-amzn-RequestId": "00000000-0000-0000-0000-000000000000",
    "x-amz-request-id": "0000000000000000",
}


# As load balancers, filters and captive portals write them: the first is XML too, the last is not.
_PAGE = (
    "<html>\r\n<head><title>Sorry</title></head>\r\n<body><center><h1>Sorry</h1></center></body>\r\n</html>"
)
_XHTML = (
    '<!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"><head><title>Sorry</title></head>'
    "<body><p>This site is blocked.</p><p>Ask your administrator.</p></body></html>"
)
_SIGN_IN = "<!doctype html><title>Sign in</title><p>Welcome&nbsp;to the guest network<br><input name=user>"
_JSON = "application/json"
_PORTAL = "http://portal.example/"

_LOST = r"\bnetwork\b"
_INSIDE = r"\binside AWS\b|\bnetwork\b"


def _not_aws(status: int, body: str = "", kind: str = "text/html", **headers: str) -> NetworkFault:
    """An answer that AWS did not give, and that is not the answer of a server that is down."""
    return _forged(foreign(status, body, kind, **headers), rf"\b{status}\b")


def _forged(happens: Fault, said: str = "HTTP 200", *, partial: bool = False) -> NetworkFault:
    # botocore itself makes a 500 of what S3 answers with 200 and no XML.
    return NetworkFault(
        happens=happens, said=rf"{said}|\bnot from AWS\b|\binside AWS: Internal Server Error", partial=partial
    )


FAULTS: Mapping[str, NetworkFault] = {
    "throttled": NetworkFault(happens=throttled, said="came too fast"),
    "clock late": NetworkFault(happens=skewed(_EXPIRED), said="the credentials"),
    "clock early": NetworkFault(happens=skewed(_NOT_YET), said="the credentials"),
    "reset before the answer": NetworkFault(happens=unanswered(Ending.RESET), said=_LOST, passes=True),
    "closed before the answer": NetworkFault(happens=unanswered(Ending.CLOSED), said=_LOST, passes=True),
    "answer lost": NetworkFault(happens=answer_lost, said=_LOST, passes=True),
    "reset amid the answer": NetworkFault(happens=broken_off(Ending.RESET), said=_LOST, passes=True),
    "closed amid the answer": NetworkFault(happens=broken_off(Ending.CLOSED), said=rf"{_LOST}|\bparse\b"),
    "stalled": NetworkFault(happens=unanswered(Ending.STALLED), said=_LOST, read_timeout=0.4),
    "stalled amid the answer": NetworkFault(happens=broken_off(Ending.STALLED), said=_LOST, read_timeout=0.4),
    "500 page": NetworkFault(happens=foreign(500, _PAGE), said=_INSIDE, passes=True),
    "500 empty": NetworkFault(happens=foreign(500), said=_INSIDE, passes=True),
    "503 page": NetworkFault(happens=foreign(503, _XHTML), said=_INSIDE, passes=True),
    "503 empty": NetworkFault(happens=foreign(503), said=_INSIDE, passes=True),
    "200 empty": _not_aws(200),
    "200 page": _not_aws(200, _PAGE),
    "200 XHTML": _not_aws(200, _XHTML),
    "200 sign-in": _not_aws(200, _SIGN_IN),
    "200 JSON object": _not_aws(200, '{"status": "ok"}', _JSON),
    "200 JSON list": _not_aws(200, '["ok"]', _JSON),
    "302 to a portal": _not_aws(302, _PAGE, Location=_PORTAL),
    "403 page": _not_aws(403, _PAGE),
    "403 empty": _not_aws(403),
    "403 JSON": _not_aws(403, '{"message": "Forbidden"}', _JSON),
    "404 page": _not_aws(404, _PAGE),
    "200 page with an ID": _not_aws(200, _PAGE, **_IDS),
    "200 empty with an ID": _not_aws(200, **_IDS),
    "200 JSON object with an ID": _not_aws(200, '{"status": "ok"}', _JSON, **_IDS),
    "200 XML error with an ID": _not_aws(
        200, "<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>", "text/xml", **_IDS
    ),
    "200 zipped with an ID": _not_aws(200, "no zip", **{"Content-Encoding": "gzip", **_IDS}),
    "403 page with an ID": _not_aws(403, _PAGE, **_IDS),
    "403 empty with an ID": _not_aws(403, **_IDS),
    "403 JSON with an ID": _not_aws(
        403, '{"message": "Forbidden"}', _JSON, **{"x-amzn-ErrorType": "ForbiddenException", **_IDS}
    ),
    "404 page with an ID": _not_aws(404, _PAGE, **_IDS),
    "429 page": _not_aws(429, _PAGE),
    "503 text": NetworkFault(
        happens=foreign(503, "upstream connect error", "text/plain"), said=_INSIDE, passes=True
    ),
    "cut soon": _forged(cut(0.1)),
    "cut late": _forged(cut(0.97)),
    "chunk lost": NetworkFault(happens=chunk_lost, said=_LOST, passes=True),
    "emptied": _forged(emptied, "HTTP 200|cannot be classified|could not be checked", partial=True),
    "answer to another": _forged(answer_to_another),
    "refusal of another": NetworkFault(happens=refusal_of_another, said="somebody (else )?was refused"),
    "refused result": _forged(refused_result, "HTTP 403", partial=True),
}
