"""How a fitted model's answers are explained: the graph of its contributions, what they go out from, the methods."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from onnx import GraphProto, helper

from fraud.bundle import OCCLUSION, Reasons
from fraud.learn import export
from fraud.learn.candidates import Model
from fraud.learn.contributions import OUTPUT, constant, contributions, of_graph


@dataclass(frozen=True)
class Explanation:
    """What a bundle holds of it; `graph` is None where nothing but occlusion explains the model."""

    reasons: Reasons
    graph: bytes | None


def explain(model: Model) -> Explanation:
    """A graph from "transactions", float32 (n, 30), to "contributions", float32 (n, 30): how far each column moved the
    answer. With the base they add up to what `export.to_graph` answers; of a blend they are its members' weighted mean.

    There is none of a model of probabilities, nor where a member has none. The bytes are the same for the same fitted
    model.
    """
    members = model.candidate.members or (model.candidate,)
    families = [str(member.estimator) for member in members]
    additive = model.candidate.output == "log-odds"
    found = [contributions(pipeline) for pipeline in model.pipelines] if additive else []
    parts = [part for part in found if part is not None]
    if len(parts) < len(members):
        return Explanation(Reasons(methods=dict.fromkeys(families, OCCLUSION)), None)
    counts = model.candidate.counts or (1.0,) * len(parts)
    graph = parts[0].graph if len(parts) == 1 else _blend([part.graph for part in parts], counts)
    reasons = Reasons(
        methods={family: part.method for family, part in zip(families, parts, strict=True)},
        base=float(np.average([part.base for part in parts], weights=counts)),
    )
    return Explanation(reasons, export.serialized(graph))


def _blend(parts: list[GraphProto], counts: Sequence[float]) -> GraphProto:
    nodes, constants = export.side_by_side(parts)
    for k, count in enumerate(counts):
        constants.append(constant(f"share{k}", count / sum(counts)))
        nodes.append(helper.make_node("Mul", [f"{k}/{OUTPUT}", f"share{k}"], [f"shared{k}"]))
    nodes.append(helper.make_node("Sum", [f"shared{k}" for k in range(len(parts))], [OUTPUT]))
    return of_graph(nodes, constants)
