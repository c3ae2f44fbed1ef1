"""``printroom plan``: what a run would do and cost. Spends nothing, starts nothing."""

import argparse
import asyncio
import uuid

from deployments.cli.arguments import options_from
from deployments.cli.output import print_json
from deployments.cli.preparing import planning_mistakes, settings_for
from deployments.cli.show_plan import compared, show_comparison, show_plan
from tasks.engine.running.result import EXIT_OK
from tasks.engine.running.session import forget, new_session


def main(args: argparse.Namespace) -> int:
    """Plan and print."""
    options = options_from(args)
    with planning_mistakes(as_json=args.json) as mistakes:
        session = new_session(options, settings_for(options), str(uuid.uuid4()))
        try:
            plan = asyncio.run(session.make_plan())
            if args.json:
                also = {"compare": [each.as_dict() for each in compared(plan)]} if args.compare else {}
                print_json(plan.summary.as_dict() | also)
            else:
                show_plan(plan)
                if args.compare:
                    show_comparison(plan)
        finally:
            forget(session.run_id)
    return mistakes.exit_code or EXIT_OK
