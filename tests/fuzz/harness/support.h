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

/* Of memory that the kernel has filled: what only looks is not itself looked at, so that it costs little. */
#define FUZZ_LOOKS __attribute__((no_sanitize("address", "undefined", "coverage")))

FUZZ_LOOKS static inline int fuzz_all_finite(const double *values, size_t n) {
    size_t i;
    for (i = 0; i < n; i++)
        if (!isfinite(values[i])) return 0;
    return 1;
}

/* A digest with some octets more. */
FUZZ_LOOKS static inline uint64_t fuzz_mix(uint64_t digest, const void *octets, size_t size) {
    const uint8_t *at = (const uint8_t *)octets;
    uint64_t word;
    for (; size; at += size < 8 ? size : 8, size -= size < 8 ? size : 8) {
        word = size;
        memcpy(&word, at, size < 8 ? size : 8);
        digest = (digest ^ word) * 0x9E3779B97F4A7C15u;
        digest ^= digest >> 29;
    }
    return digest;
}

/* A copy with nothing behind it, for `free`: AddressSanitizer sees each octet that is read beyond. */
static inline uint8_t *fuzz_copy(const uint8_t *content, size_t size) {
    uint8_t *copy = (uint8_t *)malloc(size);
    fuzz_require(copy != NULL, "memory for a copy");
    if (size) memcpy(copy, content, size);
    return copy;
}

/* NULL for nothing, as the bindings have it for empty arrays. */
static inline void *fuzz_allocate(size_t size) {
    void *start = size ? malloc(size) : NULL;
    fuzz_require(start != NULL || size == 0, "memory for a column");
    return start;
}
#endif
