"""What has happened: the journal folded into Parquet rows, committed atomically, for any reader.

No Prefect, no HTTP. A pure function of the journal: it can always be rebuilt.
"""
