"""Step: ask before a plan that may cost more than the run was told to spend unasked.

The run suspends: its process leaves, so nobody holds a worker's slot over night. Once somebody answers in the UI, a
worker takes it up again, from the top; the plan is then made anew, and what was approved is its budget.
"""

from typing import Literal

import prefect.input
from prefect.flow_runs import asuspend_flow_run
from prefect.runtime import deployment
from pydantic import Field

from catalogs.money import format_usd, parse_usd, usd_decimal
from tasks.engine.running.session import Session
from tasks.engine.showing.plan_digest import plan_markdown
from tasks.settings import approval_timeout_s

ANSWER = "Approve, lower **Max Spend** (USD, worst cases included) to buy less, or decline: then nothing is spent."


class Approval(prefect.input.RunInput):
    """The form that is shown when the run is resumed."""

    decision: Literal["approve", "decline"] = Field(
        default="approve", description="Approve: buy what the plan says. Decline: nothing is spent and the run ends."
    )
    max_spend: float = Field(default=0.0, ge=0)  # its initial value makes Prefect drop a description and any other type


async def approved(session: Session) -> bool:
    """Whether the plan may be carried out; asks in the UI if it needs approval and somebody could answer there."""
    if session.approved():
        return True
    if deployment.id is None:
        return False
    cap = min(session.ready_plan.summary.cap_micros, session.options.max_spend_micros or 2**62)
    form = Approval.with_initial_data(
        description=f"**{_sentence(session.approval_question())}** {ANSWER}\n\n{plan_markdown(session.ready_plan)}",
        max_spend=float(usd_decimal(cap)),
    )
    session.say(f"suspended: {session.approval_question()}")
    answer = await asuspend_flow_run(wait_for_input=form, timeout=approval_timeout_s(), key="approval")
    if answer is None or answer.decision == "decline":
        return False
    session.cap_spend(parse_usd(f"{max(0.0, answer.max_spend):.6f}"))
    session.say(f"approved up to {format_usd(session.options.max_spend_micros)}")
    return True


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
