"""From restored text to mentions, observations and targets.

Here: finding numbers, deciding what they are, and attributing indicator, unit, kind, period and scope. Cue words are
data (`cues.yaml`). Not here: choosing among sources, or computing anything from the values.
"""
