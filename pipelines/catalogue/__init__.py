"""What the pipeline knows before it reads a text: indicators, units and places.

Tables and vocabularies with the code that loads and searches them. Rules that read documents, and anything that depends
on a document at hand, belong to the packages `documents` and `extraction`.
"""
