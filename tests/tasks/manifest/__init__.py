"""The manifest: rows, parts, commits, plain files, readers."""
