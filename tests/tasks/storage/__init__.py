"""Where bytes live: folders, S3, guarded downloads, what a picture is."""
