"""One step each: a thin Prefect task on a function that is complete without it.

The rooms below know nothing of Prefect. ``protocols``, ``storage``, ``journal``, ``manifest`` and ``report`` know
nothing of each other either (but the manifest reads the journal's events); ``engine`` puts them together. The step
files only give its calls to Prefect.
"""
