"""Feature matrices: specification, fitting, computing, and the matrix itself."""
