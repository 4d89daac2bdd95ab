"""How a TCP connection ended, in the words of Zeek's conn_state, and what happened, in the letters of its history."""

from reference.tcp_segments import ACK, FIN, RST, SYN, place_segments

# The code of a state is its place; "-": not TCP.
CONN_STATES = ("-", "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH")
MOST_REPEATS = 9  # of one of the letters s h f r from one side


def is_forward_originator(segments):
    """The initiator asked for the connection, unless the first segment says otherwise: a SYN by its sender, an answer
    by its receiver."""
    if not segments or not segments[0].flags & SYN:
        return True
    return segments[0].is_forward == (not segments[0].flags & ACK)


def conn_state(segments):
    """Name of the state; segments stand in time order."""
    last = _last_connection(segments)
    originator = is_forward_originator(segments)
    own = [segment for segment in last if segment.is_forward == originator]
    others = [segment for segment in last if segment.is_forward != originator]
    asked = any(segment.flags & SYN and not segment.flags & ACK for segment in own)
    answered = any(segment.flags & SYN for segment in others)
    opened = {(True, True): "both", (True, False): "asked", (False, True): "answered"}.get((asked, answered))
    ending = _ending(last, originator)
    if opened is None:
        return "OTH"
    if opened == "asked" and ending == "" and not others:
        return "S0"
    return {
        "both": {
            "": "S1",
            "FIN both": "SF",
            "FIN own": "S2",
            "FIN other": "S3",
            "RST own": "RSTO",
            "RST other": "RSTR",
        },
        "asked": {"FIN both": "SF", "FIN own": "SH", "FIN other": "S3", "RST own": "RSTOS0", "RST other": "REJ"},
        "answered": {"FIN both": "SF", "FIN own": "S2", "FIN other": "SHR", "RST own": "RSTO", "RST other": "RSTRH"},
    }[opened].get(ending, "OTH")


def _last_connection(segments):
    """Segments since the last SYN by which the originator asked anew, after a connection was over; else all."""
    originator, begin, fins, is_over = is_forward_originator(segments), 0, set(), False
    for place, segment in enumerate(segments):
        is_asking = segment.flags & SYN and not segment.flags & ACK and segment.is_forward == originator
        if is_over and is_asking:
            begin, fins, is_over = place, set(), False
        if segment.flags & FIN:
            fins.add(segment.is_forward)
        is_over = is_over or bool(segment.flags & RST) or len(fins) == 2
    return segments[begin:]


def _ending(segments, originator):
    """What came first of an RST and the FINs of both; or whose FIN alone there is."""
    fins = set()
    for segment in segments:
        who = "own" if segment.is_forward == originator else "other"
        if segment.flags & RST:
            return f"RST {who}"
        if segment.flags & FIN:
            fins.add(who)
        if len(fins) == 2:
            return "FIN both"
    return f"FIN {fins.pop()}" if fins else ""


def history(segments):
    """Letters in the order of what they tell, the originator's in upper case."""
    originator = is_forward_originator(segments)
    text = "" if originator else "^"
    seen = {}  # (side, letter) -> [events, letters written, sequence number of the last event]
    for segment, placed in place_segments(segments):
        for letter in letters_of(segment, placed):
            events = seen.setdefault((segment.is_forward, letter), [0, 0, None])
            events[0] += 1
            if letter in "shfr":
                is_written = segment.sequence != events[2] and events[1] < MOST_REPEATS
            elif letter in "tw":
                is_written = events[0] == 10 ** events[1]
            else:
                is_written = events[0] == 1
            events[1] += is_written
            events[2] = segment.sequence
            if is_written:
                text += letter.upper() if segment.is_forward == originator else letter
    return text


def letters_of(segment, placed):
    """What one segment tells."""
    syn, fin, rst, ack = (bool(segment.flags & flag) for flag in (SYN, FIN, RST, ACK))
    is_plain = not (syn or fin or rst)
    letters = ""
    if syn:
        letters += "q" if fin or rst else "h" if ack else "s"
    if segment.payload_bytes:
        letters += "d"
        letters += "t" if placed.is_retransmitted else ""
    elif ack and is_plain:
        letters += "a"
    if segment.window == 0 and is_plain:
        letters += "w"
    if not syn:
        letters += "i" if fin and rst else "f" if fin else "r" if rst else ""
    return letters
