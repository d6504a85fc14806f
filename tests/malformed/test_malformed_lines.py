"""Lines for `decide` and `classify` that cannot be read: each gets an error with its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

STATEMENT: dict[str, Any] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
REQUEST: dict[str, Any] = {
    "principal": "arn:aws:iam::333333333333:role/Analyst",
    "action": "s3:GetObject",
    "resource": "arn:aws:s3:::amzn-s3-demo-bucket/key",
    "identity": [{"Version": "2012-10-17", "Statement": [STATEMENT]}],
}
ERROR: dict[str, Any] = {"service": "s3", "operation": "ListBuckets", "code": "AccessDenied", "message": "no"}
GOOD = {"decide": REQUEST, "classify": ERROR}

each_command = pytest.mark.parametrize("command", ["decide", "classify"])


def line_of(value: object) -> bytes:
    return json.dumps(value).encode()


def errors_of(out: str) -> list[str]:
    return [answer["error"] for answer in map(json.loads, out.splitlines()) if "error" in answer]


def refuse(refused: Any, command: str, line: bytes, *says: str) -> None:
    """The line stands between two good ones, which are answered all the same."""
    good = line_of(GOOD[command])
    said = refused(command, "-", stdin=b"\n".join([good, line, good]), says=("line 2: ", *says))
    assert len(said.out.splitlines()) == 3
    (error,) = errors_of(said.out)
    assert all(part in error for part in says)
    assert said.err == ""


# Not JSON, or nothing that can be meant by it


@each_command
@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"not json", "not JSON: Expecting value (column 1)"),
        (b"{", "not JSON: Expecting property name enclosed in double quotes (column 2)"),
        (b'{"code": "AccessDen', "not JSON: Unterminated string starting at (column 10)"),
        (b'{"code": "AccessDenied"', "not JSON: Expecting ',' delimiter (column 24)"),
        (b'{"code": "AccessDenied",}', "not JSON: "),
        (b"{'code': 'AccessDenied'}", "not JSON: Expecting property name"),
        (b"{code: 1}", "not JSON: Expecting property name"),
        (b'{"code": "a"} {"code": "b"}', "not JSON: Extra data (column 15)"),
        (b'{"code": "a\tb"}', "not JSON: Invalid control character"),
        (b'{"code": "\\x"}', "not JSON: Invalid "),
        (b'{"code": True}', "not JSON: Expecting value (column 10)"),
        (b'{"code": 007}', "not JSON: Expecting ',' delimiter"),
        (b'{"code": NaN}', "not JSON: NaN is no number"),
        (b'{"code": -Infinity}', "not JSON: -Infinity is no number"),
        (b'{"code": 1e999}', "the number 1e999 is too large"),
        (b'{"code": ' + b"9" * 5000 + b"}", "a number has 5000 digits"),
        (b'{"code": "\xff"}', "not text in UTF-8 (byte 11)"),
        ('{"code": "é"}'.encode("latin-1"), "not text in UTF-8 (byte 11)"),
        ('{"code": "a"}'.encode("utf-16-le"), "not JSON: "),
        (b'{"code": "\\ud800"}', "half of a surrogate pair is no character"),
        (b'{"code": "a", "code": "b"}', "code: is given twice"),
        (b'{"code": {"a": 1, "a": 1}}', "a: is given twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"code": ' * 50_000 + b"1" + b"}" * 50_000, "nested too deeply"),
        (b"[]", "not a JSON object but a list"),
        (b"null", "not a JSON object but null"),
        (b"42", "not a JSON object but a number"),
        (b"true", "not a JSON object but a boolean"),
        (b'"{}"', "not a JSON object but a text"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_line_that_is_no_object(refused: Any, command: str, line: bytes, fault: str) -> None:
    refuse(refused, command, line, fault)


@each_command
def test_an_error_has_the_number_of_its_line(refused: Any, command: str, tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    good = line_of(GOOD[command])
    file.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join([good, b"", b"[]", b"  ", good, b"{"]))
    said = refused(command, str(file), says=("line 3: ",))
    assert [error.partition(": ")[0] for error in errors_of(said.out)] == ["line 3", "line 6"]
    assert len(said.out.splitlines()) == 4


@each_command
@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("nowhere.jsonl", "No such file or directory"),
        ("folder", "Is a directory"),
        ("loop", "Too many levels of symbolic links"),
        ("file/x", "Not a directory"),
        ("x" * 300, "File name too long"),
        ("", "Is a directory"),
    ],
)
def test_a_file_that_cannot_be_opened(
    refused: Any, tmp_path: Path, command: str, name: str, fault: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    path = str(tmp_path / name) if name else ""
    said = refused(command, path, says=(path, fault))
    assert (said.out, len(said.err.splitlines())) == ("", 1)


# Requests

NO_ARN = "is neither the ARN of a user"
REQUESTS: list[tuple[dict[str, Any], str]] = [
    ({"principal": None}, "principal: is not a text"),
    ({"principal": ""}, f"principal: '' {NO_ARN}"),
    ({"principal": "Analyst"}, NO_ARN),
    ({"principal": "arn:aws:iam::33333333333:role/Analyst"}, NO_ARN),
    ({"principal": f"arn:aws:iam::{'٣' * 12}:role/Analyst"}, NO_ARN),
    ({"principal": "arn:aws:iam::333333333333:role/*"}, NO_ARN),
    ({"principal": "arn:aws:iam::333333333333:group/g"}, NO_ARN),
    ({"principal": "arn:aws:iam::333333333333:role/Analyst\n"}, NO_ARN),
    ({"principal": ["arn:aws:iam::333333333333:role/Analyst"]}, "principal: is not a text"),
    ({"action": 5}, "action: is not a text"),
    ({"action": ""}, "action: '' is not an action"),
    ({"action": "GetObject"}, "action: 'GetObject' is not an action"),
    ({"action": "s3:*"}, "action: 's3:*' is not an action"),
    ({"action": "s3:Get Object"}, "action: 's3:Get Object' is not an action"),
    ({"resource": ""}, "resource: is empty"),
    ({"resource": ["*"]}, "resource: is not a text"),
    ({"resource_account": 333333333333}, "resource_account: is not a text"),
    ({"resource_account": "3333"}, "resource_account: '3333' is not an account of 12 digits"),
    ({"resource_account": "٣" * 12}, "is not an account of 12 digits"),
    ({"context": None}, "context: is not an object"),
    ({"context": [1]}, "context: is not an object"),
    ({"context": {"aws:SourceIp": {}}}, "context.aws:SourceIp: is an object, not a text"),
    ({"context": {"aws:SourceIp": [None]}}, "context.aws:SourceIp: is null, not a text"),
    ({"context": {"aws:SourceIp": [["x"]]}}, "context.aws:SourceIp: is a list, not a text"),
    ({"context": {"a:b": "1", "A:B": "2"}}, "context.A:B: is there twice"),
    ({"context": {"sts:ExternalId": {"hunter2-hunter2": 1}}}, "context.sts:ExternalId: is an object"),
    ({"identity": None}, "identity: is not a list"),
    ({"identity": {"Statement": STATEMENT}}, "identity: is not a list"),
    ({"identity": ["{}"]}, "a policy document is an object, not a text (in identity[0])"),
    ({"identity": [{"Statement": STATEMENT}, None]}, "not null (in identity[1])"),
    ({"boundary": []}, "a policy document is an object, not a list (in boundary)"),
    ({"boundary": True}, "not a boolean (in boundary)"),
    ({"session": 7}, "not a number (in session)"),
    ({"session": {"Statement": STATEMENT | {"Resource": "arn:aws:s3"}}}, "is not a complete ARN"),
    ({"scps": None}, "scps: is not a list"),
    ({"scps": [{"Statement": STATEMENT}]}, "scps[0]: is not a list of policy documents"),
    ({"scps": [[], ["x"]]}, "not a text (in scps[1][0])"),
    (
        {"resource_policy": {"Statement": STATEMENT}},
        "neither Principal nor NotPrincipal (in resource_policy)",
    ),
    ({"Principal": "x"}, "Principal: is not one of principal, action"),
    ({"policies": []}, "policies: is not one of"),
    ({"": 1}, "is not one of"),
]


@pytest.mark.parametrize(("change", "fault"), REQUESTS, ids=lambda value: repr(value)[:40])
def test_a_request_that_cannot_be_read(refused: Any, change: dict[str, Any], fault: str) -> None:
    refuse(refused, "decide", line_of(REQUEST | change), fault)


@pytest.mark.parametrize("key", ["principal", "action", "resource"])
def test_a_request_without_what_it_is_about(refused: Any, key: str) -> None:
    line = line_of({name: value for name, value in REQUEST.items() if name != key})
    refuse(refused, "decide", line, f"{key}: is missing")


# Documents

DOCUMENTS: list[tuple[dict[str, Any], str]] = [
    ({}, "Statement: is missing"),
    ({"Version": "2012-10-17"}, "Statement: is missing"),
    ({"Version": "2012-10-18", "Statement": STATEMENT}, "Version: '2012-10-18' is not one of"),
    ({"Version": 2012, "Statement": STATEMENT}, "Version: 2012 is not one of"),
    ({"Version": None, "Statement": STATEMENT}, "Version: None is not one of"),
    ({"Id": [], "Statement": STATEMENT}, "Id: is a list, not a text"),
    ({"Statement": []}, "Statement: is empty"),
    ({"Statement": None}, "Statement: Statement is an object, not null"),
    ({"Statement": "Allow"}, "Statement: Statement is an object, not a text"),
    ({"Statements": STATEMENT}, "Statements: is not an element of the policy language"),
    ({"statement": STATEMENT}, "statement: is not an element of the policy language"),
    ({"Statement": [[STATEMENT]]}, "Statement[0]: Statement[0] is an object, not a list"),
]
STATEMENTS: list[tuple[dict[str, Any], str]] = [
    ({"Effect": None}, "Statement[2].Effect: None is neither Allow nor Deny"),
    ({"Effect": "allow"}, "Statement[2].Effect: 'allow' is neither Allow nor Deny"),
    ({"Sid": 1}, "Statement[2].Sid: is a number, not a text"),
    ({"NotAction": "s3:*"}, "Statement[2]: has both Action and NotAction"),
    ({"NotResource": "*"}, "Statement[2]: has both Resource and NotResource"),
    ({"Principal": "*"}, "Statement[2].Principal: is not an element of a permissions policy"),
    ({"Conditions": {}}, "Statement[2].Conditions: is not an element"),
    ({"action": "s3:*"}, "Statement[2].action: is not an element"),
    ({"": 1}, "Statement[2]: has the key ''"),
    ({"Action": None}, "Statement[2].Action: is null, not a text"),
    ({"Action": []}, "Statement[2].Action: is empty"),
    ({"Action": ""}, "Statement[2].Action: '' is neither * nor an action"),
    ({"Action": "s3"}, "Statement[2].Action: 's3' is neither * nor an action"),
    ({"Action": ["s3:*", 5]}, "Statement[2].Action[1]: is a number, not a text"),
    ({"Action": {"s3": "*"}}, "Statement[2].Action: is an object, not a text"),
    ({"Resource": "bucket"}, "Statement[2].Resource: 'bucket' is neither an ARN nor *"),
    ({"Resource": ["*", ""]}, "Statement[2].Resource[1]: '' is neither an ARN nor *"),
    ({"Resource": [["*"]]}, "Statement[2].Resource[0]: is a list, not a text"),
    ({"Resource": "arn:aws:s3:::${aws:username"}, "Statement[2].Resource: the policy variable"),
    ({"Resource": "arn:${aws:x}:s3:::b"}, "Statement[2].Resource: a policy variable cannot stand"),
    ({"Condition": None}, "Statement[2].Condition: Condition is an object, not null"),
    ({"Condition": "x"}, "Statement[2].Condition: Condition is an object, not a text"),
    ({"Condition": {"": {}}}, "Statement[2].Condition: has the key ''"),
]
CONDITIONS: list[tuple[str, Any, str]] = [
    ("StringMatches", {"a:b": "c"}, ": there is no condition operator 'StringMatches'"),
    ("String Equals", {"a:b": "c"}, ": there is no condition operator"),
    ("NullIfExists", {"a:b": "true"}, ": there is no condition operator"),
    ("ForEach:StringEquals", {"a:b": "c"}, ": there is no condition operator"),
    ("StringEquals", "x", ": StringEquals is an object, not a text"),
    ("StringEquals", [], ": StringEquals is an object, not a list"),
    ("StringEquals", {"": "x"}, ": has the key ''"),
    ("StringEquals", {"a:b": []}, ".a:b: is empty"),
    ("StringEquals", {"a:b": None}, ".a:b: is null, not a text"),
    ("StringEquals", {"a:b": ["x", {}]}, ".a:b[1]: is an object, not a text"),
    ("StringEquals", {"a:b": "${}"}, ".a:b: ${} is not a policy variable"),
    ("StringEquals", {"sts:ExternalId": "${hunter2-hunter2"}, ".sts:ExternalId: is not a value for"),
    ("NumericEquals", {"STS:ExternalID": "hunter2-hunter2"}, ".STS:ExternalID: is not a value for"),
    ("NumericEquals", {"a:b": "ten"}, ".a:b: 'ten' is not a number"),
    ("NumericEquals", {"a:b": "1_000"}, ".a:b: '1_000' is not a number"),
    ("NumericEquals", {"a:b": "٣"}, ".a:b: '٣' is not a number"),
    ("NumericEquals", {"a:b": "NaN"}, ".a:b: 'NaN' is not a number"),
    ("NumericEquals", {"a:b": True}, ".a:b: 'true' is not a number"),
    ("DateLessThan", {"a:b": "2026-13-01"}, ".a:b: '2026-13-01' is neither a date"),
    ("DateLessThan", {"a:b": "tomorrow"}, ".a:b: 'tomorrow' is neither a date"),
    ("Bool", {"a:b": "yes"}, ".a:b: 'yes' is neither true nor false"),
    ("Bool", {"a:b": 1}, ".a:b: '1' is neither true nor false"),
    ("Null", {"a:b": ""}, ".a:b: '' is neither true nor false"),
    ("BinaryEquals", {"a:b": "!"}, ".a:b: '!' is not base64"),
    ("BinaryEquals", {"a:b": "é"}, ".a:b: 'é' is not base64"),
    ("IpAddress", {"a:b": "203.0.113.0/33"}, ".a:b: '203.0.113.0/33'"),
    ("IpAddress", {"a:b": "everywhere"}, ".a:b: 'everywhere'"),
    ("IpAddress", {"a:b": 1}, ".a:b: '1'"),
]


@pytest.mark.parametrize(("document", "fault"), DOCUMENTS, ids=lambda value: repr(value)[:40])
def test_a_document_that_cannot_be_read(refused: Any, document: dict[str, Any], fault: str) -> None:
    refuse(refused, "decide", line_of(REQUEST | {"identity": [document]}), fault, "(in identity[0])")


@pytest.mark.parametrize(("change", "fault"), STATEMENTS, ids=lambda value: repr(value)[:40])
def test_a_statement_that_cannot_be_read(refused: Any, change: dict[str, Any], fault: str) -> None:
    document = {"Version": "2012-10-17", "Statement": [STATEMENT, STATEMENT, STATEMENT | change]}
    refuse(refused, "decide", line_of(REQUEST | {"boundary": document}), fault, "(in boundary)")


@pytest.mark.parametrize("element", ["Effect", "Action", "Resource"])
def test_a_statement_that_lacks_an_element(refused: Any, element: str) -> None:
    statement = {name: value for name, value in STATEMENT.items() if name != element}
    refuse(
        refused, "decide", line_of(REQUEST | {"scps": [[{"Statement": statement}]]}), element, "scps[0][0]"
    )


@pytest.mark.parametrize(("operator", "keys", "fault"), CONDITIONS, ids=lambda value: repr(value)[:40])
def test_a_condition_that_cannot_be_read(refused: Any, operator: str, keys: Any, fault: str) -> None:
    statement = STATEMENT | {"Condition": {operator: keys}}
    document = {"Version": "2012-10-17", "Statement": [STATEMENT, STATEMENT, statement]}
    line = line_of(REQUEST | {"identity": [document]})
    refuse(refused, "decide", line, f"Statement[2].Condition.{operator}{fault}", "(in identity[0])")


TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "333333333333"}}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"Resource": "*"}, "Statement.Resource: is not an element of a role trust policy"),
        ({"Principal": "333333333333"}, "Statement.Principal: Principal is an object, not a text"),
        ({"Principal": {}}, "Statement.Principal: is empty"),
        ({"Principal": {"aws": "*"}}, "Statement.Principal.aws: is not an element"),
        ({"Principal": {"AWS": []}}, "Statement.Principal.AWS: is empty"),
        ({"Principal": {"AWS": ["*", 1]}}, "Statement.Principal.AWS[1]: is a number"),
        ({"Principal": {"AWS": "alice"}}, "Statement.Principal.AWS: "),
        ({"Principal": {"AWS": "٣" * 12}}, "Statement.Principal.AWS: "),
        ({"Principal": {"Service": "*"}}, "Statement.Principal.Service: "),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_trust_policy_that_cannot_be_read(refused: Any, change: dict[str, Any], fault: str) -> None:
    request = REQUEST | {"action": "sts:AssumeRole", "resource_policy": {"Statement": TRUST | change}}
    refuse(refused, "decide", line_of(request), fault, "(in resource_policy)")


def test_a_key_of_a_policy_that_is_given_twice(refused: Any) -> None:
    line = line_of(REQUEST).replace(b'"Effect": "Allow"', b'"Effect": "Deny", "Effect": "Allow"')
    refuse(refused, "decide", line, "Effect: is given twice")


# Errors to classify


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        ({}, "needs a code or a message"),
        ({"service": "s3"}, "needs a code or a message"),
        ({"Code": "AccessDenied"}, "needs a code or a message"),
        ({"code": "", "message": "  "}, "needs a code or a message"),
        ({"code": None, "message": None}, "needs a code or a message"),
        ({"code": ["AccessDenied"]}, "code must be text, not a list"),
        ({"code": True}, "code must be text, not a boolean"),
        ({"code": 4.5}, "code must be text, not a number"),
        ({"message": {"text": "no"}}, "message must be text, not an object"),
        (ERROR | {"service": []}, "service must be text, not a list"),
        (ERROR | {"operation": False}, "operation must be text, not a boolean"),
        (ERROR | {"http_status": 0}, "http_status must be a whole number from 100 to 599, not '0'"),
        (ERROR | {"http_status": 600}, "http_status must be a whole number from 100 to 599, not '600'"),
        (ERROR | {"http_status": -400}, "http_status must be a whole number from 100 to 599, not '-400'"),
        (ERROR | {"http_status": "4OO"}, "http_status must be a whole number from 100 to 599, not '4OO'"),
        (ERROR | {"http_status": "٤٠٠"}, "http_status must be a whole number from 100 to 599"),
        (ERROR | {"http_status": 400.0}, "http_status must be a whole number from 100 to 599"),
        (ERROR | {"http_status": [400]}, "http_status must be a whole number from 100 to 599, not a list"),
        (ERROR | {"http_status": True}, "http_status must be a whole number from 100 to 599, not a boolean"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_an_error_that_cannot_be_read(refused: Any, error: dict[str, Any], fault: str) -> None:
    refuse(refused, "classify", line_of(error), fault)
