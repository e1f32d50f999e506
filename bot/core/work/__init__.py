"""The kinds of work a worker does. Each is a small value that a job carries as JSON.

``key`` names what is worked on: two works of one key never run at once. While a work waits in the
queue, another of the same kind and key adds nothing, since both would read the same present state.
``priority`` orders what waits: higher goes first.

A kind is a class in the module of its subject, and a line in ``kinds.py``.
"""
