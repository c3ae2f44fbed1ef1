"""The pull step that looks at a run's parameters before its flow is loaded, whatever the server let through.

The server checks a form only while "Validate parameters" is ticked. Behind that, Prefect's engine stops at the first
kind of problem, in its own words, and the worker then calls the run crashed. This step lists every problem at once and
ends the run as Failed, named InvalidParameters.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.exceptions import Abort
from prefect.logging import get_logger
from prefect.runtime import flow_run
from prefect.states import Failed
from pydantic import TypeAdapter, ValidationError

from catalogs.problems import nearest
from tasks.form import problems_of, unreadable_rule
from tasks.protocols.redact import PATTERNS

# what no type can say; given the parameters that are right by their types
CHECKS: Mapping[str, Callable[[Mapping[str, Any]], Iterable[str]]] = {
    "generate_dataset": problems_of, "export_dataset": unreadable_rule, "usage_report": unreadable_rule,
}  # fmt: skip


async def check_parameters() -> None:
    """End the run that this process was started for if its parameters cannot be meant; ``Abort`` leaves the process."""
    async with get_client() as client:
        run = await client.read_flow_run(UUID(str(flow_run.id)))
        name = (await client.read_flow(run.flow_id)).name
        problems = wrong(name, run.parameters)
        if problems:
            message = f"{'; '.join(problems)}; nothing was spent"
            get_logger("printroom").error(message)
            await client.set_flow_run_state(run.id, Failed(name="InvalidParameters", message=message), force=True)
            raise Abort(message)


def wrong(flow_name: str, parameters: Mapping[str, Any]) -> list[str]:
    """Every problem with the parameters of a flow of ours, keys taken out."""
    flow = getattr(import_module(f"flows.{flow_name}"), flow_name)
    problems, good = typed(flow.fn, parameters)
    if flow_name in CHECKS:
        problems += CHECKS[flow_name](good)
    return [PATTERNS.text(problem) for problem in problems]


def typed(function: Callable[..., Any], parameters: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Every problem that names and types alone show, and the parameters that have none.

    The value of a parameter that there is not is never said: it may be a key somebody meant to hand over.
    """
    known = inspect.signature(function).parameters
    problems = [f"{name}: no such parameter{_hint(name, known)}" for name in parameters if name not in known]
    good: dict[str, Any] = {}
    for name, parameter in known.items():
        if name not in parameters:
            if parameter.default is parameter.empty:
                problems.append(f"{name}: must be given")
            continue
        try:
            good[name] = TypeAdapter(parameter.annotation).validate_python(parameters[name])
        except ValidationError as error:
            problems += (f"{name}: {found['msg']}, found {found['input']!r:.60}" for found in error.errors())
    return problems, good


def _hint(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f"; did you mean {near}?" if near else ""
