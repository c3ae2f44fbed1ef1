"""What the server does by itself about runs of this project: see deployments/README.md for when each one fires."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

UNANSWERED = "The flow was paused and never resumed."  # Prefect's own words for it
LOST_AFTER = timedelta(
    minutes=10
)  # Prefect's runs beat every three minutes: with less, healthy runs are called crashed
PRINTROOM: dict[str, str | list[str]] = {"prefect.resource.id": "prefect.tag.printroom", "prefect.resource.role": "tag"}
ALARMS = {
    "printroom.budget.reached", "printroom.key.rejected", "printroom.balance.exhausted", "printroom.provider.stopped",
    "printroom.store.down", "printroom.refusals.jumped",
}  # fmt: skip


def automations(alert_block: UUID | None) -> Iterator[AutomationCore]:
    """All of them; those that tell people only if there is a notification block to tell them by."""
    yield AutomationCore(
        name="printroom: nobody approved",
        description="A run that waited for approval in vain says so, instead of 'paused and never resumed'.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Failed"},
            match={"prefect.resource.id": "prefect.flow-run.*", "prefect.state-message": UNANSWERED},
            match_related=PRINTROOM,
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.FAILED, name="NotApproved", force=True,
                message="nobody answered in time; nothing was spent. Start it again to be asked again.",
            )
        ],
    )  # fmt: skip
    yield AutomationCore(
        name="printroom: lost runs",
        description="A run whose process sent no sign of life for ten minutes is crashed; the next run goes on.",
        trigger=EventTrigger(
            after={"prefect.flow-run.heartbeat"},
            expect={"prefect.flow-run.*"},  # a beat, or a state: ours have names of their own
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related=PRINTROOM,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=LOST_AFTER,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                name="Crashed",
                force=False,
                message="no sign of life for ten minutes: its worker or machine is gone",
            )
        ],
    )
    if alert_block is not None:
        yield from _alerts(alert_block)


def _alerts(block: UUID) -> Iterator[AutomationCore]:
    yield AutomationCore(
        name="printroom: tell us of runs that failed",
        trigger=EventTrigger(
            expect={"prefect.flow-run.*"},  # an event bears its state's name, and ours have names of their own
            match={
                "prefect.resource.id": "prefect.flow-run.*", "prefect.state-type": ["FAILED", "CRASHED"],
                "prefect.state-message": f"!{UNANSWERED}",  # that one becomes NotApproved
            },
            match_related=PRINTROOM,
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[_notification(block)],
    )  # fmt: skip
    yield AutomationCore(
        name="printroom: tell us of runs that are late",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Late"},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related=PRINTROOM,
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[_notification(block)],
    )
    yield AutomationCore(
        name="printroom: tell us of budget, key, balance and refusals",
        trigger=EventTrigger(expect=ALARMS, posture=Posture.Reactive, threshold=1),
        actions=[
            SendNotification(
                block_document_id=block,
                subject="Printroom: {{ event.event }} on {{ event.resource.name }}",
                body="{{ event.payload.message }}\n{{ event.payload.done }} of {{ event.payload.planned }} done, "
                "{{ event.payload.cost_usd }} USD spent",
            )
        ],
    )


def _notification(block: UUID) -> SendNotification:
    return SendNotification(
        block_document_id=block,
        subject="Printroom: {{ flow_run.name }} is {{ flow_run.state.name }}",
        body="{{ flow_run.state.message }}\n{{ flow_run|ui_url }}",
    )
