"""JSON Schemas of what `--json` writes, one file a schema and version, named as the object's `schema` (docs/CLI.md)."""
