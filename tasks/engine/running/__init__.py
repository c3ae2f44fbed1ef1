"""One run: its session, its partitions and waves, its commits, its parts on other machines, and what it came to."""
