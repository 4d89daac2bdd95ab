"""An array in chunks: nothing is copied as it grows, and no element moves. Owns its memory.

Callers pass the width of an element at each call, so that the compiler knows it.
"""
from libc.stdlib cimport free

from netml._core.octets cimport netml_allocate, netml_allocate_plain, netml_reallocate
from netml._core.status cimport STATUS_NO_MEMORY, STATUS_OK, STATUS_TOO_MANY, Status


cdef enum:
    CHUNK_BITS = 17              # records are in chunks of 131,072: megabytes


cdef struct ChunkedArray:
    char **chunks                # owned, and what they point to
    size_t n_chunks


cdef inline void free_array(ChunkedArray *records) noexcept nogil:
    """Free the memory."""
    cdef size_t i
    for i in range(records.n_chunks):
        free(records.chunks[i])
    free(records.chunks)
    records.chunks = NULL
    records.n_chunks = 0


cdef inline void *find_element(const ChunkedArray *records, size_t number, size_t width) noexcept nogil:
    """Return the record of a number."""
    return records.chunks[number >> CHUNK_BITS] + (number & ((1 << CHUNK_BITS) - 1)) * width


cdef inline Status grow_array(ChunkedArray *records, size_t width, bint is_large) noexcept nogil:
    """Add a chunk; with `is_large` in huge pages."""
    cdef char **grown
    if records.n_chunks == (1 << (32 - CHUNK_BITS)) - 1:
        return STATUS_TOO_MANY
    grown = <char **> netml_reallocate(records.chunks, (records.n_chunks + 1) * sizeof(char *))
    if grown == NULL:
        return STATUS_NO_MEMORY
    records.chunks = grown
    # The first chunk in small pages: most captures have few flows, and a huge page is cleared whole.
    if is_large and records.n_chunks:
        grown[records.n_chunks] = <char *> netml_allocate(width << CHUNK_BITS)
    else:
        grown[records.n_chunks] = <char *> netml_allocate_plain(width << CHUNK_BITS)
    if grown[records.n_chunks] == NULL:
        return STATUS_NO_MEMORY
    records.n_chunks += 1
    return STATUS_OK


cdef inline void shrink_array(ChunkedArray *records, size_t n_records) noexcept nogil:
    """Free the chunks beyond the first `n_records`."""
    cdef size_t i, n_chunks = (n_records + (1 << CHUNK_BITS) - 1) >> CHUNK_BITS
    for i in range(n_chunks, records.n_chunks):
        free(records.chunks[i])
    records.n_chunks = min(records.n_chunks, n_chunks)
