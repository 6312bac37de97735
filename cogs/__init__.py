"""Slash commands: thin doors from Discord to the services."""
