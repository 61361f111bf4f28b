"""APIs that an OpenAPI document describes, as a source of tools."""
