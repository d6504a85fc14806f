"""Whether a run that is killed again and again, at any point, loses or doubles a finding.

One run over many accounts is killed (SIGKILL) at random points of its journal and resumed each time; its
report is then held, apart from times, against that of a run that nobody disturbed.

Run as `python benchmarks/kills.py [ACCOUNTS] [KILLS] [SEED]`; exits with 1 where a report differs or is
empty.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from canned_aws import canned_aws
from contenders import Where, environment, params_for

_WORKERS = 20
_LATENCY = 0.005


def start(endpoint: str, accounts: int, out: Path) -> subprocess.Popen[bytes]:
    """Begin the run, or go on with it."""
    command = [sys.executable, __file__, "--run", endpoint, str(accounts), str(out)]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, env={**os.environ, **environment(endpoint)}, stderr=quiet)


def run(endpoint: str, accounts: int, out: Path) -> None:
    """The run that is killed."""
    import xacct_kit as xk

    numbers = [str(500_000_000_000 + number) for number in range(accounts)]
    params = params_for(Where(endpoint, _WORKERS), numbers)
    report = xk.onboard(params, deploying=False, out=out, resume=True, crew=xk.Crew(workers=_WORKERS))
    report.save(out)


def kill_at(size: int, running: subprocess.Popen[bytes], journal: Path) -> bool:
    """Kill a run when its journal has so many bytes; whether it had not ended by itself."""
    while running.poll() is None and (not journal.exists() or journal.stat().st_size < size):
        time.sleep(0.001)
    running.kill()
    return running.wait() != 0


def saved(out: Path) -> list[dict[str, Any]]:
    """The rows of the report that a run saved at its end, apart from times."""
    document = json.loads((out / "report.json").read_text(encoding="utf-8"))
    return [{**row, "duration": 0} for row in document["findings"]]


def main(accounts: int, kills: int, seed: int) -> bool:
    """Disturb a run; whether its report is that of one that nobody disturbed."""
    chance = random.Random(seed)
    with canned_aws(_LATENCY) as server, TemporaryDirectory() as folder:
        calm, killed = Path(folder, "calm"), Path(folder, "killed")
        begun = time.perf_counter()
        start(server.endpoint, accounts, calm).wait()
        undisturbed = time.perf_counter() - begun
        whole = (calm / "findings.jsonl").stat().st_size
        points = sorted(chance.randrange(whole) for _ in range(kills))
        killed_early = [
            kill_at(point, start(server.endpoint, accounts, killed), killed / "findings.jsonl")
            for point in points
        ]
        start(server.endpoint, accounts, killed).wait()
        expected, found = saved(calm), saved(killed)
    twice = [each for each, times in Counter(map(json.dumps, found)).items() if times > 1]
    lost = len(expected) - len(found)
    print(
        f"{accounts:,} accounts, {len(expected):,} findings, {undisturbed:.1f} s undisturbed; killed "
        f"{len(points)} times (seed {seed}), {sum(killed_early)} of them before it had ended"
    )
    print(f"lost: {lost}   doubled: {len(twice)}   the same report: {'yes' if expected == found else 'no'}")
    return bool(expected) and expected == found and not twice


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    else:
        given = [int(argument) for argument in sys.argv[1:]]
        sys.exit(not main(*given, *(500, 20, 1)[len(given) :]))
