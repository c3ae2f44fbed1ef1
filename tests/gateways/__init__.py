"""Whole runs at a difficult gateway, held against the sandbox's own log and bill."""
