"""A data team: a Prefect server with the project's deployments, a bucket, a gateway, credentials in blocks."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from deployments.sandbox.process import SandboxProcess
from tests.support.moto import S3Server
from tests.support.prefect_server import PrefectServer
from tests.support.runs import write_catalog

KEY = "sk-only-in-a-secret-block-0042"


@dataclass(frozen=True, slots=True)
class Team:
    """What the data team has. ``environment`` is what its workers run with: no key, no S3 credentials."""

    server: PrefectServer
    sandbox: SandboxProcess
    s3: S3Server
    bucket: str
    environment: Mapping[str, str]

    def dataset(self, name: str) -> str:
        return f"s3://{self.bucket}/sets/{name}"

    def manifest(self, dataset: str) -> list[dict[str, object]]:
        """The current rows of the manifest that any reader finds."""
        key = f"{dataset.removeprefix(f's3://{self.bucket}/')}/manifest.parquet"
        body = self.s3.client().get_object(Bucket=self.bucket, Key=key)["Body"].read()
        rows: list[dict[str, object]] = pq.read_table(io.BytesIO(body)).to_pylist()
        return [row for row in rows if row["current"]]

    def catalog(self, folder: Path, name: str, rows: list[dict[str, str]]) -> str:
        """A catalog in the bucket; its address."""
        body = write_catalog(folder / name, rows).read_bytes()
        self.s3.client().put_object(Bucket=self.bucket, Key=f"prompts/{name}", Body=body)
        return f"s3://{self.bucket}/prompts/{name}"


def new_block(server: PrefectServer, kind: str, name: str, data: Mapping[str, object]) -> None:
    """A block as somebody fills it in under Blocks."""
    with server.client() as client:
        type_id = client.get(f"/block_types/slug/{kind}").raise_for_status().json()["id"]
        wanted = {"block_schemas": {"block_type_id": {"any_": [type_id]}}}
        schema = client.post("/block_schemas/filter", json=wanted).json()[0]["id"]
        body = {"name": name, "data": dict(data), "block_type_id": type_id, "block_schema_id": schema}
        made = client.post("/block_documents/", json=body)
        assert made.is_success or made.status_code == 409, made.text  # 409: it is there already
