"""From bytes to text that can be read, each character of it traceable to the file.

Here: reading formats, decoding, repairing converter damage, finding page furniture, splitting into sections.
Not here: anything about what the text says.
"""
