"""How we speak to gateways: pure build/parse pairs per wire format, error classes, the HTTP client, pacing.

No Prefect, no object storage, no journal.
"""
