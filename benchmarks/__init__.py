"""Benchmarks: each module measures one part and compares it with a bound.

A module offers `rows() -> list[dict]` with the keys `name`, `value`, `unit`, `bound` (a number or
None) and `holds` (True, False, or None where there is no bound). `python -m benchmarks` runs all.
"""
