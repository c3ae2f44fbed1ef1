"""A run in markdown for people: its plan, how it goes, what it did, the usage of datasets."""
