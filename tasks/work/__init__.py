"""The way of one row, complete without Prefect: plan it, buy it once, fetch and store its bytes, read it, commit.

Puts the rooms below together (protocols, storage, journal, manifest). No Prefect here: the step files do that.
"""
