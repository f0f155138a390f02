"""Looking at decodes: the order in which tokens were committed, and pictures of it.

Standard library only, but for `plot`, which imports matplotlib when it is called. Knows no model and no tensors.
"""
