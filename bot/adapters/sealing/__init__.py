"""Texts that lie in the database and that only this installation is to read."""
