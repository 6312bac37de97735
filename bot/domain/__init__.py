"""Decisions: pure functions of facts and a time. Standard library only; `now` is a parameter."""
