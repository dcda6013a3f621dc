"""Says whether the data was good: bits per byte by domain, tasks by likelihood and by generation, comparisons."""
