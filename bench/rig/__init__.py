"""Helper processes of the benchmarks, and what they measure with."""
