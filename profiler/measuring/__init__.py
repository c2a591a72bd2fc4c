"""From raw samples to a measurement: percentiles, decisions, validity. Pure."""
