"""One step each: a thin Prefect task on a function that is complete without it.

The rooms below (protocols, storage, journal, manifest, report) know nothing of Prefect or of each other; the step
files here put them together. Only the step files import Prefect.
"""
