"""The scanner itself: a secret is found in every form, and in a piece; and nothing where there is none."""

from __future__ import annotations

import base64
import html
import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode
from xml.sax.saxutils import escape

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from leaks import Secret, files_below, find_leaks
from nbformat.v4 import new_code_cell, new_notebook, new_output

VALUE = "Zq7Hb+V3=mK,9t.Wc@2R:Lx/dN-p5Fe_Qy8SjUa4Gh6TnBv0RxMw1Kc"
SECRET = Secret("it", VALUE)


def notebook(text: str) -> str:
    outputs = [new_output("stream", text=text), new_output("display_data", data={"text/html": text})]
    return nbformat.writes(new_notebook(cells=[new_code_cell("x", outputs=outputs)]))


def entities(text: str) -> str:
    return "".join(char if char.isalnum() else f"&#{ord(char)};" for char in text)


WRITERS: dict[str, Callable[[str], str | bytes]] = {
    "as it is": str,
    "cut at its end": lambda text: f"{text[:24]}…",
    "cut at its beginning": lambda text: f"…{text[-24:]}",
    "JSON": lambda text: json.dumps({"a": f"<{text}>"}),
    "JSON with solidi escaped": lambda text: json.dumps(text).replace("/", r"\/"),
    "JSON of code points": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text).replace("/", r"\/")),
    "Python bytes": lambda text: repr(text.encode()),
    "percent-encoded": lambda text: quote(text, safe=""),
    "percent-encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "a form": lambda text: urlencode({"ExternalId": text, "a": "b"}),
    "a query": lambda text: f"https://sts.amazonaws.com/?ExternalId={quote_plus(text)}",
    "HTML": lambda text: f"<td title='{html.escape(text)}'>",
    "HTML entities": entities,
    "XML": lambda text: f"<ExternalId>{escape(text)}</ExternalId>",
    "HTML of JSON": lambda text: html.escape(json.dumps(text).replace("/", r"\/")),
    "base64": lambda text: base64.b64encode(text.encode()),
    "base64 in the middle": lambda text: base64.b64encode(f"user:{text}:x".encode()),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(f"?{text}".encode()),
    "base64 in lines": lambda text: base64.encodebytes(("x" * 50 + text * 2).encode()),
    "hexadecimal": lambda text: text.encode().hex(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "lines": lambda text: "\n        ".join(textwrap.wrap(text, 20)),
    "a notebook": notebook,
    "lines in a notebook": lambda text: notebook("\n    ".join(textwrap.wrap(text, 20))),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_secret_is_found_in_every_form(writer: str) -> None:
    written = WRITERS[writer](VALUE)
    data = written if isinstance(written, bytes) else written.encode()
    assert [leak.secret for leak in find_leaks([SECRET], [("there", b"before " + data + b" after")])] == [
        "it"
    ]


@settings(max_examples=50)
@given(
    secret=st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789+=,.@:/_-", min_size=20, max_size=300),
    around=st.tuples(st.text(max_size=40), st.text(max_size=40)),
    writer=st.sampled_from(["JSON", "HTML", "percent-encoded", "base64", "XML", "a form", "UTF-16"]),
)
def test_any_secret_is_found_wherever_it_stands(secret: str, around: tuple[str, str], writer: str) -> None:
    written = WRITERS[writer](secret)
    data = written if isinstance(written, bytes) else written.encode()
    before, after = (text.encode("utf-8", "replace") for text in around)
    assert find_leaks([Secret("it", secret)], [("there", before + b"\n" + data + b"\n" + after)])


@settings(max_examples=50)
@given(st.binary(max_size=2000))
def test_nothing_is_found_where_there_is_nothing(data: bytes) -> None:
    assert not find_leaks([SECRET], [("there", data)])


def test_files_are_looked_at_with_their_names(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "journal").write_text(f"\n{VALUE}\n")
    (tmp_path / "b.txt").touch()
    assert [name for name, _ in files_below(tmp_path)] == ["a", "a/journal", "b.txt"]
    assert [leak.place for leak in find_leaks([SECRET], files_below(tmp_path))] == ["a/journal"]
