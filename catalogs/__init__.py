"""What we know before a call: frozen types, the tables (models, prices, providers, templates), the catalog reader.

Nothing here imports another room, Prefect, or the network. A reader is handed an open binary file, never a URL.
"""
