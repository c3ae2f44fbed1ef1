"""The plain script of the seeds: requests, one picture after the other, written to a folder; no check, no record."""

import csv
import sys
from pathlib import Path

import requests

from tests.benchmarks.measuring import Meter


def main(base_url: str, catalog: str, folder: str) -> None:
    """As the gateway's own pages show it: POST, read the URL, GET, write."""
    Path(folder).mkdir(parents=True)
    headers = {"Authorization": "Bearer sk-x", "Content-Type": "application/json"}
    with Path(catalog).open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            payload = {"model": row["model"], "prompt": row["prompt"], "size": row["size"], "n": 1}
            reply = requests.post(f"{base_url}/images/generations", headers=headers, json=payload, timeout=60)
            picture = requests.get(reply.json()["data"][0]["url"], timeout=60)
            Path(folder, f"{row['id']}.png").write_bytes(picture.content)


if __name__ == "__main__":
    meter = Meter()
    main(*sys.argv[1:4])
    meter.report(images_in=Path(sys.argv[3]))
