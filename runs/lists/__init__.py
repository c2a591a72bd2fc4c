"""What a list page can be filtered and sorted by: a FilterSet and the columns of its table."""
