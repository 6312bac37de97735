"""The browser's door: tickets, sessions and the way through to a notebook."""
