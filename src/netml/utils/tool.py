"""`dump_data` and `load_data` under the name that the original netml gave them."""

from netml.persist import dump_data, load_data

__all__ = ["dump_data", "load_data"]
