"""The client's version; the API's is in its addresses."""

VERSION = "1.0.0"
