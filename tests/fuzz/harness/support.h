/* What the harness needs of C: to stop where something does not hold, and memory that ends where the content does. */
#ifndef NETML_FUZZ_SUPPORT_H
#define NETML_FUZZ_SUPPORT_H
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
#endif
