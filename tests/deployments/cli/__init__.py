"""The command line: wrong use, streams, questions, and datasets that it must not touch."""
