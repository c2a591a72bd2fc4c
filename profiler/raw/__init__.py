"""Raw data outside of a database: kept in a folder as it comes, and exported as tables."""
