"""The engine without Prefect: plans, purchases, partitions, readings, verification."""
