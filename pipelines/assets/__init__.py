"""The Dagster shell: which table is made from which, shown and run as assets.

Here: `resources` (folders, lock, progress), `steps` (what each asset calls), `definitions` (the graph, jobs, sensor,
schedule). An asset body is one call. Not here: any rule about the data.
"""
