"""Archives: read from machines, kept encrypted in a place, proven and restored."""
