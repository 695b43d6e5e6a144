"""What leaves the warehouse for readers: pages, pictures, workbooks, slides, evidence, executed notebooks, open data.

How a figure is drawn belongs to `pipelines.charts`; no number is calculated here.
"""
