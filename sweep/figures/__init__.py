"""Figures of a report, each one SVG text that stands by itself: no fetch, no script."""
