/* libFuzzer's entry points. One program has all targets: the name that it is called by says which.
 *
 * `framing`, `pcap`, `pcapng`, `pipeline`, `fragments`, `stream`, `biflows`, `biflow_stream`, `rows`, `tcp_options`,
 * `details`, `bits`, `link_N` and `outer_N` (N a LINKTYPE_ value), `ipv4`, `ipv6` (as link_228 and link_229).
 * Mutations of captures are mended afterwards: lengths that lead nowhere end a read at once, so that hardly anything
 * behind them would be seen.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern "C" {
int fuzz_framing(const uint8_t *data, size_t size);
int fuzz_frame(const uint8_t *data, size_t size, uint32_t link_type, int enters_tunnels);
int fuzz_fragments(const uint8_t *data, size_t size);
int fuzz_pipeline(const uint8_t *data, size_t size);
int fuzz_stream(const uint8_t *data, size_t size);
int fuzz_biflows(const uint8_t *data, size_t size);
int fuzz_biflow_stream(const uint8_t *data, size_t size);
int fuzz_rows(const uint8_t *data, size_t size);
int fuzz_tcp_options(const uint8_t *data, size_t size);
int fuzz_details(const uint8_t *data, size_t size);
int fuzz_bits(const uint8_t *data, size_t size);
void fuzz_forget_states(void);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
}

enum target { FRAMING, FRAME, FRAGMENTS, PIPELINE, STREAM, BIFLOWS, BIFLOW_STREAM, ROWS, TCP_OPTIONS, DETAILS, BITS };
static enum target chosen;
static uint32_t link_type = 1;
static int enters_tunnels = 1;

extern "C" int LLVMFuzzerInitialize(int *n_arguments, char ***arguments) {
    const char *slash = strrchr((*arguments)[0], '/');
    const char *name = slash ? slash + 1 : (*arguments)[0];
    (void)n_arguments;
    if (!strcmp(name, "framing") || !strcmp(name, "pcap") || !strcmp(name, "pcapng")) chosen = FRAMING;
    else if (!strcmp(name, "fragments")) chosen = FRAGMENTS;
    else if (!strcmp(name, "pipeline")) chosen = PIPELINE;
    else if (!strcmp(name, "stream")) chosen = STREAM;
    else if (!strcmp(name, "biflows")) chosen = BIFLOWS;
    else if (!strcmp(name, "biflow_stream")) chosen = BIFLOW_STREAM;
    else if (!strcmp(name, "rows")) chosen = ROWS;
    else if (!strcmp(name, "tcp_options")) chosen = TCP_OPTIONS;
    else if (!strcmp(name, "details")) chosen = DETAILS;
    else if (!strcmp(name, "bits")) chosen = BITS;
    else {
        chosen = FRAME;
        if (!strcmp(name, "ipv4")) link_type = 228;
        else if (!strcmp(name, "ipv6")) link_type = 229;
        else if (!strncmp(name, "link_", 5)) link_type = (uint32_t)atoi(name + 5);
        else if (!strncmp(name, "outer_", 6)) {
            link_type = (uint32_t)atoi(name + 6);
            enters_tunnels = 0;
        } else {
            fprintf(stderr, "no target %s\n", name);
            exit(2);
        }
    }
    return 0;
}

static int run_target(const uint8_t *data, size_t size) {
    switch (chosen) {
    case FRAMING: return fuzz_framing(data, size);
    case FRAGMENTS: return fuzz_fragments(data, size);
    case PIPELINE: return fuzz_pipeline(data, size);
    case STREAM: return fuzz_stream(data, size);
    case BIFLOWS: return fuzz_biflows(data, size);
    case BIFLOW_STREAM: return fuzz_biflow_stream(data, size);
    case ROWS: return fuzz_rows(data, size);
    case TCP_OPTIONS: return fuzz_tcp_options(data, size);
    case DETAILS: return fuzz_details(data, size);
    case BITS: return fuzz_bits(data, size);
    default: return fuzz_frame(data, size, link_type, enters_tunnels);
    }
}

/* No state stays: what only a packed one points to, at any octet, would seem to have leaked. */
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int is_rejected = run_target(data, size);
    fuzz_forget_states();
    return is_rejected;
}

static uint32_t read32(const uint8_t *at, int is_swapped) {
    uint32_t value;
    memcpy(&value, at, 4);
    return is_swapped ? __builtin_bswap32(value) : value;
}

static void write32(uint8_t *at, uint32_t value, int is_swapped) {
    if (is_swapped) value = __builtin_bswap32(value);
    memcpy(at, &value, 4);
}

static void mend_pcap(uint8_t *data, size_t size, int is_swapped, size_t header) {
    size_t at = 24, left;
    while (at + header <= size) {
        uint32_t caplen = read32(data + at + 8, is_swapped);
        left = size - at - header;
        if (caplen > left) {
            caplen = (uint32_t)(left < 60 ? left : 60);
            write32(data + at + 8, caplen, is_swapped);
        }
        at += header + caplen;
    }
}

static void mend_pcapng(uint8_t *data, size_t size) {
    size_t at = 0;
    int is_swapped = 0;
    while (at + 12 <= size) {
        uint32_t length, kind;
        if (read32(data + at, 0) == 0x0A0D0D0A) {
            is_swapped = read32(data + at + 8, 1) == 0x1A2B3C4D;
            if (!is_swapped) write32(data + at + 8, 0x1A2B3C4D, 0);
            if (at + 28 > size) return;
        }
        kind = read32(data + at, is_swapped);
        length = read32(data + at + 4, is_swapped);
        if (length < (kind == 0x0A0D0D0A ? 28 : 12) || length > size - at) {
            length = (uint32_t)(size - at < 64 ? size - at : 64);
            write32(data + at + 4, length, is_swapped);
        }
        if ((kind == 6 || kind == 2) && length >= 32) {
            if (read32(data + at + 20, is_swapped) > length - 32) write32(data + at + 20, length - 32, is_swapped);
            if (kind == 6 && read32(data + at + 8, is_swapped) > 3) write32(data + at + 8, 0, is_swapped);
        }
        write32(data + at + length - 4, length, is_swapped);
        at += length;
    }
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed) {
    size_t length = LLVMFuzzerMutate(data, size, most);
    uint32_t magic;
    int is_swapped;
    if ((chosen != FRAMING && chosen != PIPELINE && chosen != BIFLOWS) || length < 24 || seed % 4 == 0) return length;
    magic = read32(data, 0);
    if (magic == 0x0A0D0D0A) {
        mend_pcapng(data, length);
        return length;
    }
    is_swapped = data[0] == 0xA1;
    magic = read32(data, is_swapped);
    if (magic != 0xA1B2C3D4 && magic != 0xA1B23C4D && magic != 0xA1B2CD34) {
        if (seed % 4 == 1) return length;
        magic = 0xA1B2C3D4;
        write32(data, magic, is_swapped);
    }
    mend_pcap(data, length, is_swapped, magic == 0xA1B2CD34 ? 24 : 16);
    return length;
}
