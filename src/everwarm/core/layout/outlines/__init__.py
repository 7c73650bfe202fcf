"""One protocol's body as pieces, one file a protocol."""
