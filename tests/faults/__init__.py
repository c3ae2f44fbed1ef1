"""Kills and outages, in real processes: nothing is paid twice, no row and no answer is lost."""
