"""What is to be done and what it may cost: rows of the catalogs, keyed and held against the dataset. Spends nothing."""
