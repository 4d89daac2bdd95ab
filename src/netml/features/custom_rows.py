"""Custom families: their functions are called, and their results checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from netml.errors import FamilyError, MissingColumnError, NetmlError
from netml.families.custom import CustomFamily, describe_error, find_custom
from netml.flow.table import FlowTable


def compute_custom_rows(name: str, table: FlowTable, dim: int, width: int) -> np.ndarray:
    """Call the function of a registered family; return its rows, (n_flows, width) of finite float64.

    A table that lacks a packet column of the family, a function that fails, or another result raises a `FamilyError`.
    """
    if not len(table):
        return np.zeros((0, width))  # reduceat and the like need not think of tables without flows
    family = find_custom(name)
    assert family is not None  # it has been laid out
    about = f"family {name}"
    missing = [column for column in family.packet_columns if column not in table.columns]
    if missing:
        raise FamilyError(about, f"needs packet columns that this table was read without: {', '.join(missing)}")
    try:
        given = family.function(table, dim) if family.takes_dim else family.function(table)
        rows = np.asarray(given)
    except MissingColumnError as error:
        reason = f"its function needs the packet column {error.column!r}: name it in packet_columns="
        raise FamilyError(about, reason) from error
    except (NetmlError, MemoryError):
        raise
    except Exception as error:
        raise FamilyError(about, describe_error(error, family.function)) from error
    return _check_rows(rows, given, family, table, (len(table), width))


def _check_rows(
    rows: np.ndarray, given: Any, family: CustomFamily, table: FlowTable, shape: tuple[int, int]
) -> np.ndarray:
    about = f"family {family.name}"
    if rows.dtype.kind not in "biuf":
        kind = f"an array of {rows.dtype}" if isinstance(given, np.ndarray) else type(given).__name__
        raise FamilyError(about, f"gives {kind}, no numbers")
    if rows.ndim == 1 and shape[1] == 1:
        rows = rows[:, np.newaxis]
    if rows.shape != shape:
        raise FamilyError(about, f"gives an array of shape {rows.shape}: must be {shape}, a row for each flow")
    with np.errstate(over="ignore"):  # a longer float that no float64 holds is said below
        rows = rows.astype(np.float64, copy=False)
    is_wrong = ~np.isfinite(rows)
    if is_wrong.any():
        flow, column = np.unravel_index(is_wrong.argmax(), shape)
        src_ip, dst_ip, src_port, dst_port, protocol = table.flows[[int(flow)]].five_tuples()[0]
        who = f"{src_ip} {src_port} > {dst_ip} {dst_port} ({protocol})"
        raise FamilyError(about, f"gives {rows[flow, column]} in column {column} of flow {flow}, {who}")
    return rows
