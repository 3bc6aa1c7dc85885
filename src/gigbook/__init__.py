"""Gigbook: venues, artists, bookings, payments and customers, built on Greenroom."""
