"""Recognizes and describes errors of libraries that run out of memory."""

from __future__ import annotations

import re

# Matches messages of errors other than MemoryError: of torch's allocators, C++ and OpenCV; and of
# torch for sizes beyond 64-bit integers.
_SIGNS = re.compile(
    r"DefaultCPUAllocator|not enough memory|out of memory|std::bad_alloc|Insufficient memory"
    r"|Overflow when unpacking|size calculation overflowed",
    re.IGNORECASE,
)
_AMOUNT = re.compile(r"allocate (\d+(?:\.\d+)?) ?(bytes|[KMGTPE]iB)", re.IGNORECASE)


def lack_of_memory(error: BaseException) -> str | None:
    """Describes the lack of memory for messages; None for other errors."""
    message = f"{error}"
    if not isinstance(error, MemoryError) and not _SIGNS.search(message):
        return None
    amount = _AMOUNT.search(message)
    if amount is None:
        return "too little"
    number, unit = amount.groups()
    size = f"{float(number) / 2**30:.1f} GiB" if unit == "bytes" else f"{number} {unit}"
    return f"too little for another {size}"
