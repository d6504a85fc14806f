"""AWS Organizations as it may answer: a server on loopback with what no sandbox would hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

MANAGEMENT = "111111111111"
_OPERATOR = f"arn:aws:iam::{MANAGEMENT}:user/operator"
_IDENTITY = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>{_OPERATOR}</Arn><Account>{MANAGEMENT}</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""

Page = Callable[[Mapping[str, Any]], tuple[int, Any]]


@contextmanager
def listing(page: Page, **others: Page) -> Iterator[str]:
    """The URL of a server whose ListAccounts answers as a function of the request says: status and body.

    Parameters:
        page: answers ListAccounts.
        others: answer other operations, by their names.
    """
    pages = {"ListAccounts": page, **others}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers["Content-Length"]))
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            status, answer = 200, _IDENTITY
            if operation == "DescribeOrganization":
                answer = json.dumps({"Organization": {"Id": "o-exampleorgid", "MasterAccountId": MANAGEMENT}})
            elif operation in pages:
                status, listed = pages[operation](json.loads(asked))
                answer = json.dumps(listed)
            body = answer.encode()
            self.send_response(status)
            self.send_header("x-amzn-requestid", "1")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
