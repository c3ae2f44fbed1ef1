"""What is happening: intents, answers, outcomes. Durable, fenced, replayable; the authority on money.

No Prefect, no HTTP. The store is handed in.
"""
