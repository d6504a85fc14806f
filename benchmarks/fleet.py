"""How fast many accounts are done, against what: everything is measured in one run and told as ratios.

AWS is canned and late by a set latency, so what differs is what a caller does besides waiting. Peers that are
not installed are left out: `pip install -r benchmarks/requirements.txt` has them.

Run as `make bench` or `python benchmarks/fleet.py`; `--help` says how to make it longer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from canned_aws import canned_aws

CONTENDERS = Path(__file__).with_name("contenders.py")
PEERS = ("botocove", "awsrun")

# Of one account's calls those that need what another one answered: who the operator is, the role of the main
# account, the cross-account role, a probe.
LONGEST_CHAIN = 4

HEAD = (
    f"{'':10} {'accounts':>8} {'wall':>9} {'CPU':>9} {'CPU each':>9} {'peak':>8} {'calls':>6}  server's CPU"
)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a contender took.

    Attributes:
        accounts: how many it did.
        first: seconds of one account before them, with all that is done once.
        wall: seconds of the clock.
        cpu: seconds of the CPU.
        peak: megabytes at the peak, of its process and of the largest that it started.
        requests: what the server answered.
        fewest, most: calls made with the keys of one account.
        server: seconds of the CPU that the server took.
    """

    accounts: int
    first: float
    wall: float
    cpu: float
    peak: float
    requests: int
    fewest: int
    most: int
    server: float

    def row(self, name: str) -> str:
        """The figures as a row of the table."""
        each, calls = self.cpu / self.accounts * 1000, self.requests / (self.accounts + 1)
        return (
            f"{name:10} {self.accounts:8,} {self.wall:7.2f} s {self.cpu:7.2f} s {each:6.1f} ms "
            f"{self.peak:5.0f} MB {calls:6.1f}  {self.server:.2f} s, {self.server / self.wall:.0%} of a core"
        )


def measure(name: str, accounts: int, workers: int, latency: float) -> Figures:
    """Let a contender do so many accounts in a process of its own, on a server of its own."""
    with canned_aws(latency) as server:
        command = [sys.executable, str(CONTENDERS), name, str(accounts), str(workers), server.endpoint]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SystemExit(f"{name} failed:\n{ended.stderr}")
    told, took = server.figures, json.loads(ended.stdout)
    counted = {key: int(told[key]) for key in ("requests", "fewest", "most")}
    return Figures(accounts=accounts, **took, **counted, server=told["cpu"])


def best(name: str, rounds: int, accounts: int, workers: int, latency: float) -> Figures:
    """The round that took the least CPU: what else the machine does can only add to it."""
    return min((measure(name, accounts, workers, latency) for _ in range(rounds)), key=lambda each: each.cpu)


def verdict(what: str, value: float, unit: str, bar: float, *, at_least: bool = False) -> None:
    """Print a figure beside its bar."""
    met = value >= bar if at_least else value <= bar
    sign = "≥" if at_least else "≤"
    print(
        f"  {what:58} {value:7.2f} {unit}  {sign} {bar:g} {unit}: {'met' if met else 'not met'}", flush=True
    )


def compare(asked: argparse.Namespace) -> None:
    """The same nine calls an account, by everybody."""
    found: dict[str, Figures] = {}
    print(f"{asked.accounts} accounts, {asked.workers} workers, {asked.latency:g} ms latency\n{HEAD}")
    for name in ("bare", "kit", *PEERS, "kit_run"):
        if name in PEERS and find_spec(name) is None:
            print(f"{name:10} is not installed: pip install -r benchmarks/requirements.txt")
            continue
        rounds = 1 if name in PEERS else asked.rounds
        found[name] = best(name, rounds, asked.accounts, asked.workers, asked.latency / 1000)
        print(found[name].row(name), flush=True)
    _ratios(found)


def _ratios(found: Mapping[str, Figures]) -> None:
    kit = found["kit"]
    for name in filter(found.get, PEERS):
        # The bars are those of botocove; awsrun does no less.
        verdict(f"wall: kit is faster than {name} by", found[name].wall / kit.wall, "x", 15, at_least=True)
        verdict(f"CPU: kit takes less than {name} by", found[name].cpu / kit.cpu, "x", 40, at_least=True)
    verdict("CPU: kit against the bare loop", kit.cpu / found["bare"].cpu, "x", 1.3)
    verdict("calls with the keys of one account: most against fewest", kit.most / kit.fewest, "x", 1)


def grow(asked: argparse.Namespace) -> None:
    """Ten times as many accounts, split as a fleet is."""
    print(
        f"\n{asked.growth:,} → {asked.growth * 10:,} accounts, {asked.workers} workers, 1 ms latency\n{HEAD}"
    )
    few, many = (
        measure("kit_split", accounts, asked.workers, 0.001) for accounts in (asked.growth, asked.growth * 10)
    )
    print(f"{few.row('kit_split')}\n{many.row('kit_split')}")
    verdict("time grows by", many.wall / few.wall, "x", 10.5)
    verdict("peak memory grows by", many.peak / few.peak, "x", 1.2)


def interact(asked: argparse.Namespace) -> None:
    """One account, all its checks, as somebody waits for it."""
    chain = LONGEST_CHAIN * asked.latency / 1000
    print(f"\none account, {asked.latency:g} ms latency; {LONGEST_CHAIN} calls in a row are {chain:.1f} s")
    one = measure("kit_run", 1, asked.workers, asked.latency / 1000)
    verdict("first run of a process, clients made for it", one.first / chain, "x", 3)
    verdict("next run of the process", one.wall / chain, "x", 3)


def start() -> None:
    """What `import xacct_kit` takes."""
    print("\nstart")
    code = "import time; t = time.perf_counter(); import xacct_kit; print(time.perf_counter() - t)"
    told = [subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(5)]
    verdict("import xacct_kit, the best of five", min(map(float, told)), "s", 0.15)


def options() -> argparse.ArgumentParser:
    """What can be asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=100, help="accounts that everybody does (100)")
    parser.add_argument("--workers", type=int, default=20, help="accounts at a time (20)")
    parser.add_argument("--latency", type=float, default=100, help="milliseconds of an answer (100)")
    parser.add_argument(
        "--rounds", type=int, default=3, help="rounds of kit and bare loop; the best counts (3)"
    )
    parser.add_argument(
        "--growth",
        type=int,
        default=1000,
        help="accounts before they are ten times as many (1000)",
    )
    return parser


def main(asked: argparse.Namespace) -> None:
    """Print the figures."""
    compare(asked)
    grow(asked)
    interact(asked)
    start()


if __name__ == "__main__":
    main(options().parse_args())
