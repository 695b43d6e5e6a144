"""The store of tables: declared schemas, one writer, checked publications, one way to read.

Here: `schema` (what a table is), `store` (staging, checks, publication), `read` (the read API of notebooks, terminal and
exports). Not here: how any table is filled.
"""
