"""Where bytes live: one small store interface (folder, S3, memory), content keys, inspection, guarded download.

No Prefect, no gateway protocol, no journal.
"""
