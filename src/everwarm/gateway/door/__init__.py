"""From a connection to one request and its response: HTTP, strictly."""
