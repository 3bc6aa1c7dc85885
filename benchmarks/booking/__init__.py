"""The benchmark of bookings; see `benchmarks/bookings.py`."""
