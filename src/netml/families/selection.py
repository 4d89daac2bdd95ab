"""Families that a caller names: found, checked, and laid out as blocks of a matrix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from netml.errors import OptionError, UnknownNameError
from netml.families.builtin import AMBIGUOUS, FAMILIES, HEADER_CODE
from netml.families.options import DEFAULT_FAMILY_OPTIONS, FamilyOptions
from netml.families.spec import FLAG_COLUMNS, Family


class Request(NamedTuple):
    """The families asked for, in order."""

    names: tuple[str, ...]
    is_fft: bool


class Block(NamedTuple):
    """Place of a family, or of the header, in the matrix."""

    code: int
    first_column: int
    width: int


def find_family(name: str) -> Family:
    """Return the family of a name in capitals: netml's, or a `CustomFamily`, whose package is imported then.

    Raises
    ------
    UnknownNameError
        If there is no such family.
    FamilyError
        If the package that offers it does not work.

    Examples
    --------
    >>> find_family("IAT").description
    'times between successive packets, s'
    """
    if name in FAMILIES:
        return FAMILIES[name]
    from netml.families.custom import find_custom, known_custom  # netml's own families do without

    found = find_custom(name)
    if found is None:
        raise UnknownNameError("family", name, dict.fromkeys([*FAMILIES, *known_custom()]))
    return found


def parse_families(families: str | Iterable[str], fft: bool = False) -> Request:
    """Check the names of families.

    Parameters
    ----------
    families : str or iterable of str
        Names; "IAT,SIZE" is two of them. "FFT-IAT" is IAT with `fft`, as in the original.
    fft : bool, default False
        Transform all families, whatever their names are.

    Returns
    -------
    Request
        The plain names, and whether they are to be transformed.

    Raises
    ------
    UnknownNameError
        If there is no such family.
    OptionError
        If there is no name, one twice, or only some of them have FFT in front.
    FamilyError
        If the package that offers a family does not work.

    Examples
    --------
    >>> parse_families("FFT-IAT")
    Request(names=('IAT',), is_fft=True)
    >>> parse_families(["stats", "size"])
    Request(names=('STATS', 'SIZE'), is_fft=False)
    """
    given = [families] if isinstance(families, str) else list(families)
    texts = [name.strip() for text in given for name in str(text).split(",")]
    plain = [text.upper().removeprefix("FFT-").removeprefix("FFT_") for text in texts]
    for text, name in zip(texts, plain, strict=True):
        try:
            find_family(name)
        except UnknownNameError as error:
            raise UnknownNameError("family", text, error.known) from None
    if not plain or len(set(plain)) != len(plain):
        raise OptionError("families", given, "one or more families, each once")
    n_transformed = sum(text.upper() != name for text, name in zip(texts, plain, strict=True))
    if n_transformed not in (0, len(plain)) and not fft:
        raise OptionError("families", given, "all with FFT- in front, or none")
    return Request(tuple(plain), fft or n_transformed > 0)


def require_together(request: Request, header: bool) -> None:
    """Raise `OptionError` if a matrix cannot have all of this: bits of headers stand alone."""
    alone = next((name for name in request.names if find_family(name).is_bits), None)
    if alone is not None and (len(request.names) > 1 or header or request.is_fft):
        more = [*request.names, *(["header"] if header else []), *(["fft"] if request.is_fft else [])]
        raise OptionError("families", ", ".join(more), f"{alone} alone: its rows are int8")


def measure_width(request: Request, dim: int, *, header: bool, options: FamilyOptions = DEFAULT_FAMILY_OPTIONS) -> int:
    """Count the columns of a matrix; see `lay_out`.

    Examples
    --------
    >>> measure_width(parse_families("IAT"), 5, header=True)
    16
    """
    widths = [find_family(name).width(dim, options) for name in request.names]
    return sum(widths) + (len(FLAG_COLUMNS) + max(widths) if header else 0)


def depends_on_dim(request: Request, *, header: bool, options: FamilyOptions = DEFAULT_FAMILY_OPTIONS) -> bool:
    """True if the number of columns depends on `dim`.

    Examples
    --------
    >>> depends_on_dim(parse_families("STATS"), header=True), depends_on_dim(parse_families("SIZE"), header=False)
    (False, True)
    """
    widths = {measure_width(request, dim, header=header, options=options) for dim in (1, 2)}
    return len(widths) > 1


def find_dim(
    request: Request, n_columns: int, *, header: bool, options: FamilyOptions = DEFAULT_FAMILY_OPTIONS
) -> int | None:
    """Return the smallest dimension with this number of columns; None if there is none.

    Examples
    --------
    >>> find_dim(parse_families("IAT_SIZE"), 9, header=False)
    5
    >>> find_dim(parse_families("IAT_SIZE"), 8, header=False)
    """
    # No family has fewer columns than dim - 1, except those of a constant width.
    dims = range(1, n_columns + 2)
    return next((dim for dim in dims if measure_width(request, dim, header=header, options=options) == n_columns), None)


def lay_out(
    request: Request, dim: int, *, header: bool, options: FamilyOptions = DEFAULT_FAMILY_OPTIONS
) -> tuple[list[Block], tuple[str, ...]]:
    """Place the blocks of a matrix: the header block first, once, as wide as the widest family, then each family.

    Parameters
    ----------
    request : Request
        The families.
    dim : int
        Packets that a row has room for.
    header : bool
        Put the header block in front.
    options : FamilyOptions, optional
        Options of single families.

    Returns
    -------
    blocks : list of Block
        In order.
    columns : tuple of str
        Names of all columns.

    Examples
    --------
    >>> lay_out(parse_families("IAT"), 3, header=False)
    ([Block(code=1, first_column=0, width=2)], ('iat_0', 'iat_1'))
    """
    blocks: list[Block] = []
    columns: list[str] = []
    if header:
        n_ttls = max(find_family(name).width(dim, options) for name in request.names)
        blocks.append(Block(HEADER_CODE, 0, len(FLAG_COLUMNS) + n_ttls))
        columns += [*FLAG_COLUMNS, *(f"ttl_{i}" for i in range(n_ttls))]
    for name in request.names:
        family = find_family(name)
        blocks.append(Block(family.code, len(columns), family.width(dim, options)))
        names = tuple(family.columns(dim, options))
        # Names that two families share (IAT_SIZE and IAT, CIC-2017 and CIC) get the name of their family in front.
        is_ambiguous = not AMBIGUOUS.get(name, set()).isdisjoint(request.names) or not set(columns).isdisjoint(names)
        prefix = f"{name.lower().replace('-', '_')}_" if is_ambiguous else ""
        columns += (f"{prefix}{column}" for column in names)
    return blocks, tuple(f"fft_{name}" for name in columns) if request.is_fft else tuple(columns)
