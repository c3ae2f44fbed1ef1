"""Automations as data: which there always are, which need somebody to tell, and when a run is called lost."""

from datetime import timedelta
from uuid import uuid4

from prefect.settings import get_current_settings

from deployments.automations import ALARMS, LOST_AFTER, automations
from tests.support.prefect_server import ROOT


def test_without_a_notification_block_nobody_is_told_and_the_rest_works() -> None:
    assert [found.name for found in automations(None)] == ["printroom: nobody approved", "printroom: lost runs"]
    assert len(list(automations(uuid4()))) == 5


def test_a_healthy_run_may_miss_two_beats_before_it_is_called_crashed() -> None:
    beat = get_current_settings().flows.heartbeat_frequency
    assert beat is not None
    assert timedelta(seconds=3 * beat) <= LOST_AFTER


def test_every_alarm_is_an_event_that_runs_emit() -> None:
    emitted = (ROOT / "tasks/show.py").read_text()
    assert [alarm for alarm in ALARMS if f'"{alarm}"' not in emitted] == []
