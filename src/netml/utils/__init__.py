"""The seed's path to what `netml.persist` does."""
