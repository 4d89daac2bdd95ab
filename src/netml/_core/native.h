/* What Cython cannot say: prefetching, 128-bit integers, byte swaps, huge pages. */
#ifndef NETML_NATIVE_H
#define NETML_NATIVE_H
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#if defined(__GNUC__) || defined(__clang__)
#define netml_prefetch_read(p) __builtin_prefetch((p), 0, 3)
#define netml_prefetch_write(p) __builtin_prefetch((p), 1, 3)
#define netml_swap16(v) __builtin_bswap16(v)
#define netml_swap32(v) __builtin_bswap32(v)
#define netml_swap64(v) __builtin_bswap64(v)
#define netml_count_bits(v) ((uint32_t)__builtin_popcount(v))
#define netml_likely(x) __builtin_expect(!!(x), 1)
#else
#error "netml needs gcc or clang"
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "netml supports little-endian machines only"
#endif

/* High and low half of the 64 x 64 bit product, folded: the mixing step of the keyed hash. */
static inline uint64_t netml_fold_multiply(uint64_t a, uint64_t b) {
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* (ticks * multiplier / divisor >> shift) + offset_s * 10**9, clamped to +-INT64_MAX: a clock's ticks in nanoseconds. */
static inline int64_t netml_find_time(
    uint64_t ticks, uint64_t multiplier, uint64_t divisor, uint32_t shift, int64_t offset_s) {
    unsigned __int128 scaled = (unsigned __int128)ticks * multiplier / divisor >> shift;
    __int128 time_ns = (__int128)offset_s * 1000000000;
    /* No offset brings back what is beyond 2**100. */
    time_ns += scaled >> 100 ? (__int128)1 << 100 : (__int128)scaled;
    return time_ns > INT64_MAX ? INT64_MAX : time_ns < -INT64_MAX ? -INT64_MAX : (int64_t)time_ns;
}

/* a + b, clamped to the range of int64. */
static inline int64_t netml_add_clamped(int64_t a, int64_t b) {
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return a < 0 ? INT64_MIN : INT64_MAX;
}

/* a - b as a distance, clamped to INT64_MAX; a >= b. */
static inline int64_t netml_gap(int64_t a, int64_t b) {
    uint64_t gap = (uint64_t)a - (uint64_t)b;
    return gap > (uint64_t)INT64_MAX ? INT64_MAX : (int64_t)gap;
}

/* sum += n * x * x, in 128 bits: sum[0] is the low half. */
static inline void netml_add_squares(uint64_t *sum, uint64_t x, uint64_t n) {
    unsigned __int128 total = (unsigned __int128)sum[1] << 64 | sum[0];
    total += (unsigned __int128)x * x * n;
    sum[0] = (uint64_t)total;
    sum[1] = (uint64_t)(total >> 64);
}

/* Standard deviation of a sample of n values (n < 2^33) from their exact sum and sum of squares; 0 of fewer than 2.
 *
 * n * squares - total^2 is a whole number. Where it may not fit into 128 bits: the squares' sum less total^2 / n, without cancellation: with total = q * n + r that is squares - q * q * n - 2 * q * r,
 * a whole number, less r * r / n. */
static inline double netml_sample_std(const uint64_t *squares, uint64_t total, uint64_t n) {
    unsigned __int128 whole = (unsigned __int128)squares[1] << 64 | squares[0];
    uint64_t q, r;
    double spread;
    if (n < 2) return 0;
    if (squares[1] >> 31 == 0 && n >> 32 == 0) { /* n * squares and, as it is not more, total^2 below 2^128 */
        spread = (double)(whole * n - (unsigned __int128)total * total) / (double)n;
        return sqrt(spread / (double)(n - 1));
    }
    q = total / n;
    r = total % n;
    whole -= (unsigned __int128)q * q * n + (unsigned __int128)q * r * 2;
    if (whole >> 64) spread = (double)whole - (double)r * (double)r / (double)n; /* r * r / n < 2^33 */
    else spread = (double)(whole * n - (unsigned __int128)r * r) / (double)n;
    return sqrt(spread / (double)(n - 1));
}

/* floor(x / d), exact: the rounded quotient's floor is at most one off, and fma tells on which side. x >= 0, d > 0. */
static inline double netml_floor_quotient(double x, double d) {
    double k = floor(x / d);
    if (fma(k, d, -x) > 0) return k - 1;
    return fma(k + 1, d, -x) <= 0 ? k + 1 : k;
}

/* x > k * d, exact. */
static inline int netml_exceeds(double x, double k, double d) {
    return fma(k, d, -x) < 0;
}

/* By how much the sum of squared distances from the mean grows as `value` joins n values with this total. From exact
   integers and never negative, so that nothing is lost however close to each other the values are. */
static inline double netml_spread(uint64_t value, uint64_t total, uint64_t n) {
    int64_t product;
    double distance; /* n * (value - mean) */
    if (n == 0) return 0;
    if (value <= INT64_MAX && total <= INT64_MAX
        && !__builtin_mul_overflow((int64_t)value, (int64_t)n, &product))
        distance = (double)(product - (int64_t)total);
    else distance = (double)((__int128)value * n - (__int128)total);
    return distance * distance / ((double)n * ((double)n + 1));
}

/* What the sums of squared distances of two sets lack of that of both together; likewise exact, 0 if one is empty. */
static inline double netml_spread_between(uint64_t total, uint64_t n, uint64_t other_total, uint64_t other_n) {
    double distance = (double)((__int128)total * other_n - (__int128)other_total * n);
    if (n == 0 || other_n == 0) return 0;
    return distance * distance / ((double)n * (double)other_n * (double)(n + other_n));
}

/* Have a part of a mapped file's pages entered in the page table; where the system does not know how, nothing happens. */
static inline void netml_populate(const void *start, size_t size) {
#if defined(__linux__)
    const int populate_read = 22; /* MADV_POPULATE_READ, Linux 5.14; older headers lack the name */
    uintptr_t from = (uintptr_t)start & ~(uintptr_t)4095;
    madvise((void *)from, (uintptr_t)start + size - from, populate_read);
#else
    (void)start;
    (void)size;
#endif
}

/* Faults on demand, in builds with NETML_FAULTS only: so many allocations succeed and then none; < 0: no limit. */
#if defined(NETML_FAULTS)
static int64_t netml_allocations_left = -1;
static inline int netml_is_refused(void) {
    if (netml_allocations_left > 0) netml_allocations_left--;
    else return netml_allocations_left == 0;
    return 0;
}
static inline int netml_fail_allocations(int64_t n) {
    netml_allocations_left = n;
    return 1;
}
#else
#define netml_is_refused() 0
static inline int netml_fail_allocations(int64_t n) {
    (void)n;
    return 0;
}
#endif

/* `malloc` and `realloc`, as all of the kernel calls them. */
static inline void *netml_allocate_plain(size_t size) {
    return netml_is_refused() ? NULL : malloc(size ? size : 1);
}

static inline void *netml_reallocate(void *start, size_t size) {
    return netml_is_refused() ? NULL : realloc(start, size);
}

/* Memory for `free`; from 2 MB on in huge pages where the kernel offers them: one fault for 512, and fewer TLB misses. */
static inline void *netml_allocate(size_t size) {
    const size_t huge = (size_t)2 << 20;
    void *start = NULL;
    if (size < huge) return netml_allocate_plain(size);
    if (netml_is_refused()) return NULL;
    size = (size + huge - 1) / huge * huge; /* or the last part would come in small pages after all */
    if (posix_memalign(&start, huge, size)) return NULL;
#if defined(MADV_HUGEPAGE)
    madvise(start, size, MADV_HUGEPAGE);
#endif
    return start;
}
#endif
