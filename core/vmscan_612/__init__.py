"""Reclaim of 6.x (6.12): four LRU lists, refault distance, event-driven throttles.

Differs: no memory cgroups.
"""
