"""`manage.py serve`: a whole installation on one machine, started and stopped as one."""
