"""Bellhop: rent GPU machines on Vast.ai from Discord, and never pay for a forgotten one."""

__version__ = "0.1.0"
