"""What a dataset says of itself without a run: its state, accepted pictures, quality, report, verification."""
