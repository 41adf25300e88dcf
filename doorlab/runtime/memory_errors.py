"""Errors of libraries that ask for more memory than there is, recognized and put into words."""

from __future__ import annotations

import re

# In messages of errors that are no MemoryError: of torch's allocators, C++ and OpenCV; and of torch
# for sizes that no integer of 64 bits holds.
_SIGNS = re.compile(
    r"DefaultCPUAllocator|not enough memory|out of memory|std::bad_alloc|Insufficient memory"
    r"|Overflow when unpacking|size calculation overflowed",
    re.IGNORECASE,
)
_AMOUNT = re.compile(r"allocate (\d+(?:\.\d+)?) ?(bytes|[KMGTPE]iB)", re.IGNORECASE)


def lack_of_memory(error: BaseException) -> str | None:
    """What the memory did not suffice for, in words; None for an error of another kind."""
    message = f"{error}"
    if not isinstance(error, MemoryError) and not _SIGNS.search(message):
        return None
    amount = _AMOUNT.search(message)
    if amount is None:
        return "too little"
    number, unit = amount.groups()
    size = f"{float(number) / 2**30:.1f} GiB" if unit == "bytes" else f"{number} {unit}"
    return f"too little for another {size}"
