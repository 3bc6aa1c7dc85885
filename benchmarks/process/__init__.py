"""The benchmark of processes, in parts."""
