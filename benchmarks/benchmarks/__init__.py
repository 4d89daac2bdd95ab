"""asv's benchmarks of netml.

Captures are made once for each class, in `setup_cache`, from fixed seeds. Benchmarks are added, not changed:
a changed benchmark breaks the line of its figures.
"""
