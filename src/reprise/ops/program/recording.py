"""What a function does to tensors, as torch's own operations, and which of them hang on nothing that is handed in."""
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch._decomp import core_aten_decompositions, get_decompositions
from torch.fx import CodeGen, GraphModule, Interpreter, Node
from torch.fx.experimental.proxy_tensor import make_fx

from reprise.core.state import named_tensors, refill
from reprise.ops.program.lowering import Lowering, Unsupported, is_view

__all__ = ["Recording", "Slot"]

Slot = tuple[dict[str, Tensor | None], str]  # where a module keeps a parameter, and under which name
aten = torch.ops.aten
COMPOSED = [aten.native_layer_norm, aten.native_group_norm, aten.linalg_vector_norm, aten._softmax,
            aten._log_softmax, aten.gelu, aten.leaky_relu, aten.elu, aten.hardtanh, aten.hardsigmoid, aten.hardswish]


class Recording:
    """A run of `function(x, state)` in which parameters are known by their `slots`: of each tensor's id, its place."""

    def __init__(self, function: Callable, x: Tensor, state: Any, slots: Mapping[int, Slot]):
        # none is another, whatever was handed in, or the recording would take them for one
        given = [z.clone(memory_format=torch.contiguous_format).resolve_conj().resolve_neg()
                 for _, z in named_tensors((x, state))]

        def flat(*tensors: Tensor) -> list[Tensor]:
            self.result = function(*refill((x, state), tensors))
            return [z for _, z in named_tensors(self.result)]

        try:
            self._module = make_fx(flat, decomposition_table=_decompositions())(*given)
        except RuntimeError as error:  # it looked at a number, and what it did next hung on it
            raise Unsupported(str(error)) from error
        self._module.graph.set_codegen(CodeGen())
        self._slots = {name: slots[id(z)] for name, z in _attributes(self._module) if id(z) in slots}
        self._varying = _varying(self._module)
        self._refuse_what_may_change_unseen()
        self._module.graph.eliminate_dead_code()
        self._values = _Values(self._module)
        self._values.run(*given)

    def _refuse_what_may_change_unseen(self) -> None:
        """What is drawn, memory that is written while something else looks at it, tensors that are no parameters."""
        for node in self._module.graph.nodes:
            if node.op == "call_function" and torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
                raise Unsupported(f"{node.target}, which draws at random")
            if node.op == "get_attr" and node.target not in self._slots and not _made_inside(node):
                raise Unsupported("a tensor that is neither a parameter nor a buffer")
            if _writes(node) and not (node in self._varying and _alone(node.args[0])):
                raise Unsupported(f"{node.target} on what is seen elsewhere")

    def lowered(self) -> Lowering:
        """The part that varies as statements; `constants` follow the order in which it asks for them."""
        nodes, values = list(self._module.graph.nodes), self._values.of
        lowering = Lowering(values)
        for node in nodes:
            if node.op == "placeholder":
                lowering.input(node)
            elif node.op == "call_function" and node in self._varying:
                lowering.node(node)
            elif node.op == "output":
                lowering.output(node.args[0])
        self._wanted = lowering.constants
        return lowering

    def constants(self) -> list[Tensor]:
        """What hangs on parameters alone, as they now are."""
        found: dict[Node, Any] = {}

        def value(node: Node) -> Any:
            if node not in found:
                found[node] = self._value(node, value)
            return found[node]

        with torch.no_grad():
            return [value(node).resolve_conj().resolve_neg() for node in self._wanted]

    def _value(self, node: Node, value: Callable[[Node], Any]) -> Any:
        if node.op == "get_attr":
            holder, name = self._slots.get(node.target, (None, ""))
            return getattr(self._module, node.target) if holder is None else holder[name]
        return node.target(*torch.fx.map_arg(node.args, value), **torch.fx.map_arg(node.kwargs, value))


class _Values(Interpreter):
    """What every node was."""

    def __init__(self, module: GraphModule):
        super().__init__(module)
        self.of: dict[Node, Any] = {}

    def run_node(self, n: Node) -> Any:
        self.of[n] = super().run_node(n)
        return self.of[n]


def _varying(module: GraphModule) -> set[Node]:
    """What hangs on what is handed in."""
    found: set[Node] = set()
    for node in module.graph.nodes:
        if node.op == "placeholder" or any(source in found for source in node.all_input_nodes):
            found.add(node)
    return found


def _made_inside(node: Node) -> bool:
    """Whether the function made it of plain numbers, and does so anew every time."""
    return all(user.target in (aten.lift_fresh_copy.default, aten.lift_fresh.default) for user in node.users)


def _writes(node: Node) -> bool:
    return hasattr(node.target, "_schema") and node.target._schema.is_mutable


def _alone(node: Node) -> bool:
    """Whether this was made in the function and nothing else looks at the same memory."""
    if any(is_view(user) for user in node.users) or not isinstance(node.target, torch._ops.OpOverload):
        return False
    return _alone(node.args[0]) if _writes(node) else not is_view(node)


def _attributes(module: GraphModule) -> list[tuple[str, Tensor]]:
    return [(n.target, getattr(module, n.target)) for n in module.graph.nodes if n.op == "get_attr"]


def _decompositions() -> dict:
    """How torch writes what is composed in simpler operations."""
    table = core_aten_decompositions()
    table.update(get_decompositions(COMPOSED))
    table[aten.var_mean.correction] = _var_mean
    table[aten.var.correction] = lambda x, *where, **how: _var_mean(x, *where, **how)[0]
    return table


def _var_mean(x, dim=None, *, correction=1, keepdim=False):
    axes = list(range(x.ndim)) if dim is None else dim
    mean = x.mean(axes, True)
    count = x.numel() // mean.numel() - (1 if correction is None else correction)
    variance = (x - mean).square().sum(axes, keepdim) / count
    return variance, mean if keepdim else mean.squeeze(axes)
