"""The journal: events, fold, ownership, take-over, spool."""
