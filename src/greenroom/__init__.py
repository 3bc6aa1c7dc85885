"""Supervised, typed processes for Python services, as Erlang/OTP has them."""
