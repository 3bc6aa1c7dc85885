"""What entities cost and bear."""
