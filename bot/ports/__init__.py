"""The windows of the house: what services need of the outside, a few methods each.

An adapter implements one of these and is handed over in `bot/app`. Every method that leaves the
process has a deadline of its own inside the adapter and raises only errors of `bot/errors.py`.
"""
