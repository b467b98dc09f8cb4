"""Rows of trials as Parquet. Imported only where somebody wants it: pyarrow is an extra."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from worker.domain.distributions import Categorical, Constant, Distribution, IntUniform, WeightedCategorical
from worker.engine.trialfiles import RowFile, flat
from worker.engine.trialrows import Kept, KeptPoints

KINDS = {
    "trial": pa.int64(),
    "seconds": pa.float64(),
    "fire_time": pa.timestamp("ms", tz="UTC"),
}


class ParquetFile(RowFile):
    """A Parquet file. Each column has one type, which the definition of the sweep tells."""

    def __init__(self, file: BinaryIO, columns: Sequence[str], kept: Kept) -> None:
        super().__init__(file, columns, kept)
        params = _kinds(kept) if isinstance(kept, KeptPoints) else {}
        kinds = {**{name: pa.float64() for name in columns if name.startswith("metrics.")}, **KINDS, **params}
        self._schema = pa.schema([(name, kinds.get(name, pa.string())) for name in columns])
        self._writer = pq.ParquetWriter(file, self._schema)

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows."""
        arrays = [pa.array([_fit(row.get(each.name), each.type) for row in rows], each.type) for each in self._schema]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))

    def end(self) -> None:
        """Write the foot, without which it is no Parquet file."""
        self._writer.close()
        super().end()


def _kinds(kept: KeptPoints) -> dict[str, Any]:
    sweep = kept.definition.sweep
    listed = {name: [point[name] for point in sweep.points if name in point] for name in sweep.names}
    return {
        f"params.{name}": _of(sweep.parameters[name]) if name in sweep.parameters else _kind(listed[name])
        for name in sweep.names
    }


def _of(distribution: Distribution) -> Any:
    if isinstance(distribution, Constant):
        return _kind([distribution.value])
    if isinstance(distribution, Categorical | WeightedCategorical):
        return _kind(distribution.values)
    whole = isinstance(distribution, IntUniform) or isinstance(getattr(distribution, "q", None), int)
    return pa.int64() if whole else pa.float64()


def _kind(values: Iterable[Any]) -> Any:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int}:
        return pa.int64()
    return pa.float64() if kinds and kinds <= {int, float} else pa.string()


def _fit(value: Any, kind: Any) -> Any:
    if value is None or not pa.types.is_string(kind):
        return value
    plain = flat(value)
    return plain if isinstance(plain, str) else str(plain)
