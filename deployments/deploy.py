"""``make deploy``: the work pool, the deployments of ``prefect.yaml`` and the automations.

On the server that ``PREFECT_API_URL`` names. Doing it again changes nothing but what the files changed.
``PRINTROOM_HOME``: where workers find this repository (default: where it is here).
``PRINTROOM_ALERT_BLOCK``: ``type/name`` of a notification block, such as ``slack-webhook/data-team``.
``PRINTROOM_AWS_BLOCK``: name of an AWS Credentials block that workers give to runs, where machines have no role.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound

from deployments.automations import automations

ROOT = Path(__file__).resolve().parents[1]
POOL = "printroom"


def main() -> int:
    """Register everything; the exit code of the first command that failed, else 0."""
    if "PREFECT_API_URL" not in os.environ:
        print("say which server: export PREFECT_API_URL=http://127.0.0.1:4200/api (make ui prints it)")
        return 2
    asyncio.run(_before())
    code = _deploy()
    if code == 0:
        asyncio.run(_after())
        for name in resting():
            print(f"{name}: its schedule rests; active: true in deployments/prefect.yaml starts it")
    return code


async def _before() -> None:
    async with get_client() as client:
        await _pool(client)
        for automation in automations(await _alert_block(client)):
            await _replace(client, automation)


async def _pool(client: PrefectClient) -> None:
    """A process work pool, unless there is one of that name already: another type is somebody's choice."""
    try:
        await client.read_work_pool(POOL)
    except ObjectNotFound:
        await client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        print(f"work pool {POOL!r} made (type process)")


async def _alert_block(client: PrefectClient) -> UUID | None:
    name = os.environ.get("PRINTROOM_ALERT_BLOCK", "")
    if not name:
        print("no alerts: name a notification block in PRINTROOM_ALERT_BLOCK (deployments/README.md)")
        return None
    kind, _, document = name.partition("/")
    return (await client.read_block_document_by_name(document, kind)).id


async def _replace(client: PrefectClient, automation: AutomationCore) -> None:
    """Put ``automation`` in the place of those that bear its name."""
    for known in await client.read_automations_by_name(automation.name):
        await client.delete_automation(known.id)
    await client.create_automation(automation)


def _deploy() -> int:
    """``prefect deploy`` for every entry of ``prefect.yaml``."""
    environment = {"PRINTROOM_HOME": str(ROOT), **os.environ}
    words = ["--no-prompt", "deploy", "--prefect-file", "deployments/prefect.yaml", "--all"]
    command = [sys.executable, "-m", "prefect", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603 - our own interpreter


async def _after() -> None:
    """What ``prefect deploy`` cannot say: a form that people can read and that is closed; credentials from a block."""
    env = aws_variables(os.environ.get("PRINTROOM_AWS_BLOCK", ""))
    async with get_client() as client:
        for name in deployment_names():
            known = await client.read_deployment_by_name(name)
            known.job_variables["env"] = {**known.job_variables.get("env", {}), **env}
            changed = DeploymentUpdate(
                parameter_openapi_schema=plain_form(known.parameter_openapi_schema or {}),
                job_variables=known.job_variables,
            )
            await client.update_deployment(known.id, changed)


def plain_form(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a form in which what may be left out is an empty field, not a choice between a type and None.

    Parameters that no flow has are refused by it: Prefect by itself takes them, and the run crashes later.
    """
    fields = {name: _plain_field(field) for name, field in schema.get("properties", {}).items()}
    return {**schema, "properties": fields, "additionalProperties": False}


def _plain_field(field: Mapping[str, Any]) -> dict[str, Any]:
    kinds = [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]
    rest = {key: value for key, value in field.items() if not (key == "default" and value is None)}
    if len(kinds) != 1 or len(kinds) == len(field["anyOf"]):
        return rest
    del rest["anyOf"]
    return {**rest, **kinds[0]}


def aws_variables(block: str) -> dict[str, str]:
    """The variables of a run whose S3 credentials are in an AWS Credentials block; its worker looks them up."""
    fields = {"AWS_ACCESS_KEY_ID": "aws_access_key_id", "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key"}
    place = f"prefect.blocks.aws-credentials.{block}"
    return {variable: f"{{{{ {place}.{field} }}}}" for variable, field in fields.items()} if block else {}


def deployment_names() -> list[str]:
    """``flow/deployment`` of every entry of ``prefect.yaml``."""
    return [f"{entry['entrypoint'].rpartition('.')[2]}/{entry['name']}" for entry in _entries()]


def resting() -> list[str]:
    """The names of entries with a schedule that does not fire as the file stands."""
    return [
        entry["name"]
        for entry in _entries()
        if any(not schedule.get("active", True) for schedule in entry.get("schedules", ()))
    ]


def _entries() -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = yaml.safe_load((ROOT / "deployments" / "prefect.yaml").read_text())["deployments"]
    return entries


if __name__ == "__main__":
    sys.exit(main())
