"""Vast.ai: its HTTP and its JSON, translated at this border."""
