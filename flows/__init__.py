"""In which order. One flow per file, readable aloud. No HTTP, no Parquet, no S3 here."""
