"""What surrounds a user's score.py while it is served: layout, start command, small modules."""
