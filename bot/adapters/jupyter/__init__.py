"""Jupyter on a rented machine: found, installed, started, asked."""
