"""What all partitions of a process share: clients, limits, patience, progress, the stop signal."""
