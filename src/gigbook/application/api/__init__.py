"""The REST API: each resource is a table of routes, and everything else here serves any of them."""
