"""A site full of runs, and what its pages cost: what bench/pages.py is made of."""
