"""What outlives a process, and the world outside."""
