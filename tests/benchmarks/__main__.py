"""``make bench``: CPU per image beside a bare loop, against the same gateway, in the same run.

The gateway serves ready-made noise pictures of 64 KB from another process. Each contender runs in a child process of
its own at a small and at a large number of images; the slope between the two is the marginal CPU per image of its
whole process tree. Ratios are what to quote: the machine is shared.
"""

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from deployments.sandbox.process import ROOT, SandboxProcess

SMALL, LARGE = 200, 3_000
CONTENDERS = ("bare", "printroom")


def catalog_of(folder: Path, rows: int) -> Path:
    """A catalog of distinct prompts for a model that answers with URLs."""
    path = folder / f"bench-{rows}.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "prompt", "model", "size"])
        writer.writerows([f"r{i}", f"picture number {i} of {rows}", "dall-e-3", "1024x1024"] for i in range(rows))
    return path


def measured(contender: str, base_url: str, folder: Path, rows: int, concurrency: int) -> dict[str, float]:
    """CPU seconds, wall seconds and peak RSS (MB) of one contender on ``rows`` images, its children included."""
    command = [
        sys.executable, "-m", f"tests.benchmarks.{contender}", base_url, str(catalog_of(folder, rows)),
        str(folder / f"{contender}-{rows}"), str(concurrency),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{contender} failed:\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Run every contender at both sizes and print the table."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--small", type=int, default=SMALL)
    parser.add_argument("--large", type=int, default=LARGE)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--picture-bytes", type=int, default=65_536)
    args = parser.parse_args(argv)
    slopes: dict[str, float] = {}
    print(f"{'contender':12} {'CPU ms per image':>17} {'ratio':>6} {'images/s':>9} {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for contender in CONTENDERS:
            with SandboxProcess("--picture-bytes", str(args.picture_bytes), latency_scale=0) as gateway:
                runs = [
                    measured(contender, gateway.base_url, Path(folder), rows, args.concurrency)
                    for rows in (args.small, args.large)
                ]
            slope = 1000 * (runs[1]["cpu_s"] - runs[0]["cpu_s"]) / (args.large - args.small)
            slopes[contender] = slope
            rate = args.large / runs[1]["wall_s"]
            ratio = slope / slopes[CONTENDERS[0]]
            print(f"{contender:12} {slope:17.2f} {ratio:6.2f} {rate:9.1f} {runs[1]['rss_mb']:8.0f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
