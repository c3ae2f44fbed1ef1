"""Pages for people: the gallery and the usage report. Reads the manifest, nothing else."""
