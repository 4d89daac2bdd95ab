/* What the harness needs of C: to stop where something does not hold, and memory that ends where the content does. */
#ifndef NETML_FUZZ_SUPPORT_H
#define NETML_FUZZ_SUPPORT_H
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static inline void fuzz_require(int holds, const char *what) {
    if (__builtin_expect(holds, 1)) return;
    fprintf(stderr, "netml fuzz: this does not hold: %s\n", what);
    abort();
}

static inline int fuzz_is_finite(double value) {
    return isfinite(value);
}

/* A copy with nothing behind it, for `free`: AddressSanitizer sees each octet that is read beyond. */
static inline uint8_t *fuzz_copy(const uint8_t *content, size_t size) {
    uint8_t *copy = (uint8_t *)malloc(size);
    fuzz_require(copy != NULL, "memory for a copy");
    if (size) memcpy(copy, content, size);
    return copy;
}

/* NULL for nothing, as the faces of the kernel have it for empty arrays. */
static inline void *fuzz_allocate(size_t size) {
    void *start = size ? malloc(size) : NULL;
    fuzz_require(start != NULL || size == 0, "memory for a column");
    return start;
}

/* The same zeros for every execution, between pages that nobody may touch. Clearing costs what was written. */
static inline void *fuzz_zeroed(size_t size) {
    static uint8_t *start = NULL;
    const size_t page = 4096, rounded = (size + page - 1) / page * page;
    if (start == NULL) {
        uint8_t *all = (uint8_t *)mmap(NULL, rounded + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        fuzz_require(all != MAP_FAILED && !mprotect(all + page, rounded, PROT_READ | PROT_WRITE), "memory for a table");
        start = all + page;
    } else {
        madvise(start, rounded, MADV_DONTNEED);
    }
    return start + (rounded - size) / 16 * 16;
}
#endif
