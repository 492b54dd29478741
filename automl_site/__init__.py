"""The site: settings, addresses, the web process and the workers."""
