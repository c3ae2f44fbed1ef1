"""Speed, memory and cost beside their bars: what ``make bench`` and ``make soak`` run."""
