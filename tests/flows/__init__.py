"""The Prefect flows, on real servers and workers: forms, approval, states, parts, schedules."""
