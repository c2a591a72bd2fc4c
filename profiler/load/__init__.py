"""The load: requests sent on time from a process of their own, and every one of them recorded."""
