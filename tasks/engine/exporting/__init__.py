"""Training-ready copies of a dataset: folders, WebDataset shards, tables."""
