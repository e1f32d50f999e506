"""The composition root: the one place that picks an adapter for each port.

One module a subject; ``bot`` puts together what ``serve`` and ``worker`` run. A command names the
module that it needs, and waits for no other.
"""
