"""Charts as plotly figures: raw samples reduced, drawn, and sent to the page's script as JSON."""
