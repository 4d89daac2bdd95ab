"""Names, types and order of the columns that several layers share."""
