"""The dashboard: three static files that the gateway serves by name. The page reads only ``GET /stats``."""
