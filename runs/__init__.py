"""The one Django app: rows, forms, pages, jobs, admin."""
