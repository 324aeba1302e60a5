"""What is behind ``make demo``, ``make ui`` and ``make compat``; the sessions of noxfile.py run it."""
