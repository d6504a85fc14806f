"""What a sandbox's process does: it serves notebooks and commands, and ends when its owner does.

    python -m xacct_kit.sandbox.serving

It reads its layout, a line of JSON, from its standard input: its arguments could be read by every user of the
machine. It prints its endpoint when it answers, and stops when its input is closed, so that a killed owner
leaves nothing behind. Until then each further line, an account and a service, is a disturbance to lift.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from typing import Any, NoReturn

from xacct_kit.sandbox.layout import Layout


def serve(described: str) -> NoReturn:
    """Be a sandbox, and end when the standard input does.

    Parameters:
        described: its layout, in JSON.
    """
    try:
        _serve(described)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # To take down what is loaded takes as long as many a request.
        os._exit(0)


def _serve(described: str) -> None:
    from moto.moto_api._internal import mock_random

    from xacct_kit.sandbox.server import HOST, make_sandbox

    # Forked of one process, all sandboxes would make the same IDs and keys.
    mock_random.seed()
    server = make_sandbox(Layout(**json.loads(described)))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    sys.stdout.write(f"http://{HOST}:{server.port}\n")
    sys.stdout.flush()
    gate: Any = server.app
    for line in sys.stdin:
        gate.disturbances.lift(*line.split())
        sys.stdout.write("lifted\n")
        sys.stdout.flush()
    server.socket.close()


if __name__ == "__main__":
    serve(sys.stdin.readline())
