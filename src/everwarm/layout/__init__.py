"""The commands ``everwarm layout show`` and ``everwarm layout stream``. No gateway need be running."""
