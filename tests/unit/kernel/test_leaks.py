"""No call leaves memory behind; `tests/leaks.py` does it a thousand times."""

import leaks
import pytest


@pytest.mark.skipif(not leaks.has_mallinfo(), reason="this libc has no mallinfo2")
@pytest.mark.parametrize("name", leaks.CALLS)
def test_a_call_leaves_nothing(name):
    found = []
    for _ in range(3):  # a leak is there each time; what something else keeps now and then is not
        found.append(leaks.what_is_left(leaks.CALLS[name], 60))
        # The smallest that a call could leave of the kernel's is a kilobyte, of Python's one object.
        if found[-1][0] < 500 and found[-1][1] < 0.9:
            return
    pytest.fail(f"bytes and Python blocks a call: {found}")
