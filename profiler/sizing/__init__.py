"""From measurements to a size: the search, the advice, its explanation. Pure."""
