"""The same weights in the form that each engine reads, made once: ``.venv-bench/engine``."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from rich.console import Console

from benchmarks.environments import HOME
from everwarm.engine import weights as ours
from everwarm.engine.facts import Facts
from everwarm.engine.packaged import find_packaged
from everwarm.store.seal import load_secret


class Forms:
    """Where each form lies. Made when first asked for."""

    def __init__(self, console: Console, home: Path = HOME / "engine") -> None:
        self._console = console
        self._home = home

    @property
    def data(self) -> Path:
        """A data folder of ours, of which only the converted model and its secret are used."""
        return self._home / "data"

    @cached_property
    def converted(self) -> tuple[Path, Facts]:
        """The folder of the converted model in the data folder, and what is known of the model."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        ready = ours.prepare(None, self.data, load_secret(self.data), lambda what, done: None)
        return ready.folder, ready.facts

    def gguf(self, kind: str) -> Path:
        """A GGUF with all its matrices in that quantisation, made of the packaged one; that itself for Q4_1."""
        packaged = find_packaged(self.data)
        if kind == "Q4_1":
            return packaged
        target = self._home / f"smollm2-{kind}.gguf"
        if not target.exists():
            self._console.print(f"Making {target.name}, once ...")
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished = target.with_suffix(".making")
            requantise(packaged, unfinished, kind)
            unfinished.rename(target)
        return target


def requantise(source: Path, target: Path, kind: str) -> None:
    """The same model with its matrices in another quantisation. Takes twenty seconds."""
    from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, quants

    reader, wanted = GGUFReader(source), GGMLQuantizationType[kind]
    writer = GGUFWriter(target, str(reader.fields["general.architecture"].contents()))
    for field in reader.fields.values():
        if not field.name.startswith("GGUF.") and field.name != "general.architecture":  # those the writer writes
            of = field.types[-1] if field.types[0] == GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), field.types[0], of)
    for tensor in reader.tensors:
        values = quants.dequantize(tensor.data, tensor.tensor_type)
        if len(tensor.shape) < 2:
            writer.add_tensor(tensor.name, values)
        else:
            writer.add_tensor(tensor.name, quants.quantize(values, wanted), raw_dtype=wanted)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
