"""REST under /api/v1/: read-only, in JSON, with an OpenAPI document; docs/api.md."""
