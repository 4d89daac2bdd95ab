"""Guarded reads of mapped files that may shrink (guard.h). Call `begin` and `end` with the GIL held, `run` without."""


cdef extern from "guard.h":
    const int NETML_BUS          # what `netml_run_guarded` returns if the mapping could not be read
    void netml_begin_guard() noexcept
    void netml_end_guard() noexcept
    int netml_run_guarded(int (*run)(void *) noexcept nogil, void *request) noexcept nogil
