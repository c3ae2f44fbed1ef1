"""The way of one row, complete without Prefect: plan it, buy it once, fetch and store its bytes, read it, commit.

Puts the rooms below together (protocols, storage, journal, manifest) in rooms of its own, each of which imports only
those after it: showing and exporting, running, buying, shared, planning, analysis. No Prefect here: the step files
know it.
"""
