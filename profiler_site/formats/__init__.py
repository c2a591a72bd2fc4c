"""How values are written, in place of what Django has for a language."""
