"""What runs Gigbook: settings, the supervision tree, the web server, the API."""
