"""Times of the administration as the site's own tooltips have them, with their zone."""

DATETIME_FORMAT = "j M Y, H:i:s T"
