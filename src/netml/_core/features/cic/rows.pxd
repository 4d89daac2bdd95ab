"""CIC from packets to rows: all packets of a flow at once, or as they come; CIC-2017 has a column twice."""
from libc.stdint cimport UINT32_MAX
from libc.string cimport memcpy

from netml._core.features.base.family cimport FamilyNeeds, FlowPackets, find_time_since
from netml._core.features.cic.columns cimport N_CIC, write_cic, write_cic_extra
from netml._core.features.cic.side cimport CIC_BWD, CIC_FWD, CicPacket
from netml._core.features.cic.sums cimport CicSums, add_cic, begin_cic, count_cic, end_cic, find_last_time
from netml._core.status cimport STATUS_OK, STATUS_TOO_MANY, Status


cdef enum:
    HEADER_BYTES_AT = 33         # Fwd Header Length
    SECOND_HEADER_BYTES_AT = 54  # of CIC-2017, which has it twice
    LEAST_TCP_HEADER = 20        # UDP has 8, the others are given none


cdef inline Status sum_flow(CicSums *sums, const FlowPackets *flow, const FamilyNeeds *needs) noexcept nogil:
    """Add packets of a flow; without `is_forward` all of them go forward.

    In a stream a packet may come too late: it counts as of the latest one's time.
    """
    cdef CicPacket packet
    cdef Status status = STATUS_OK
    cdef size_t i
    if flow.n_packets + count_cic(sums) > UINT32_MAX:
        return STATUS_TOO_MANY
    if flow.n_packets > 0 and count_cic(sums) == 0:
        sums.start_ns = flow.time_ns[0]
    packet.time_ns = find_last_time(sums)
    for i in range(flow.n_packets):
        packet.time_ns = max(packet.time_ns, find_time_since(sums.start_ns, flow.time_ns[i]))
        packet.payload_bytes = flow.payload_bytes[i]
        packet.sequence = flow.sequence[i] if flow.sequence != NULL else 0
        packet.window = flow.window[i]
        packet.header_bytes = flow.header_bytes[i]
        packet.flags = flow.flags[i]
        packet.side = CIC_BWD if flow.is_forward != NULL and not flow.is_forward[i] else CIC_FWD
        packet.is_tcp = packet.header_bytes >= LEAST_TCP_HEADER
        status = add_cic(sums, &packet, &needs.settings)
        if status != STATUS_OK:
            break
    return status


cdef inline void write_cic_row(
    const CicSums *sums, const FlowPackets *attributes, const FamilyNeeds *needs, bint is_2017, double *row,
) noexcept nogil:
    """Write the row of all packets so far; of `attributes` only the flow's own fields count, not the packets."""
    cdef double values[N_CIC]
    write_cic(sums, values)
    if is_2017:
        memcpy(row, values, SECOND_HEADER_BYTES_AT * sizeof(double))
        row[SECOND_HEADER_BYTES_AT] = values[HEADER_BYTES_AT]
        memcpy(
            row + SECOND_HEADER_BYTES_AT + 1, values + SECOND_HEADER_BYTES_AT,
            (N_CIC - SECOND_HEADER_BYTES_AT) * sizeof(double))
    else:
        memcpy(row, values, N_CIC * sizeof(double))
        if needs.settings.cic_extra:
            write_cic_extra(sums, attributes, row + N_CIC)


cdef inline Status fill_cic(
        const FlowPackets *flow, const FamilyNeeds *needs, bint is_2017, double *row) noexcept nogil:
    """Fill 76 columns, with --cic-extra 86, or the 77 of CIC-2017, which has no extra ones."""
    cdef CicSums sums
    cdef Status status
    begin_cic(&sums)
    status = sum_flow(&sums, flow, needs)
    if status == STATUS_OK:
        write_cic_row(&sums, flow, needs, is_2017, row)
    end_cic(&sums)
    return status
