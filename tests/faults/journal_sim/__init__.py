"""A deterministic simulator around the production journal: model store, model gateway, model hosts, and every fault.

The protocol's coroutines run as they are, on ports made here. Run ``python -m tests.faults.journal_sim --help``.
"""
